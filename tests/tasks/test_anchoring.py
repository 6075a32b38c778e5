"""Heads in S3: written once each, and read back whatever else lies beside them."""

from hashlib import sha256

import pytest

from tasks import anchoring
from tasks.anchoring import read_anchors, write_anchor
from tasks.estate import Estate
from tests.conftest import LAUNCH, Estates, S3Server
from tminus.errors import CouldNotObserve
from tminus.ledger.chain import Head


@pytest.fixture
def estate(estates: Estates, s3_server: S3Server) -> Estate:
    """An estate whose anchors have a prefix of the test's own."""
    section = s3_server.section(estates.secret, f"{estates.folder.name}/")
    return estates.make(buckets={"anchors": section}, anchors=["s3"])


def head(seq: int, said: str = "") -> Head:
    """A head of the launch."""
    return Head(LAUNCH, seq, sha256(f"{seq}{said}".encode()).hexdigest())


async def test_a_head_is_written_and_read_back(estate: Estate) -> None:
    """In the order of the chain; writing it twice leaves one; Slack and PagerDuty take theirs by message."""
    for one in (head(12), head(7), head(12)):
        where = await write_anchor(estate, "s3", one, "t-0")
        assert one.hash in where
    assert read_anchors(estate.environment, LAUNCH).heads == (head(7), head(12))
    assert read_anchors(estate.environment, "tradesense").heads == ()
    assert await write_anchor(estate, "slack", head(13), "t-0") == "slack"


async def test_a_replayed_ledger_cannot_overwrite_what_contradicts_it(estate: Estate) -> None:
    """Cut and run again, the same phase ends at the same number with another hash: both heads are there."""
    await write_anchor(estate, "s3", head(12), "t-0")
    await write_anchor(estate, "s3", head(12, "replayed"), "t-0")
    assert set(read_anchors(estate.environment, LAUNCH).heads) == {head(12), head(12, "replayed")}


async def test_an_object_that_is_there_is_left_as_it_is(estate: Estate, s3_server: S3Server) -> None:
    """Whoever was first: a later writing of the same head does not touch it."""
    key = (await write_anchor(estate, "s3", head(12), "t-0")).partition(f"{s3_server.at.address.bucket}/")[2]
    s3_server.client().put_object(Bucket=s3_server.at.address.bucket, Key=key, Body=b"overwritten by hand")
    await write_anchor(estate, "s3", head(12), "t-0")
    found = s3_server.client().get_object(Bucket=s3_server.at.address.bucket, Key=key)
    assert found["Body"].read() == b"overwritten by hand"


async def test_what_is_no_head_is_named_and_hides_none(estate: Estate, s3_server: S3Server) -> None:
    """Text, bytes, nothing at all, and a head under the key of another: one sentence each, and the rest is read."""
    bucket = s3_server.at.address.bucket
    key = (await write_anchor(estate, "s3", head(12), "t-0")).partition(f"{bucket}/")[2]
    await write_anchor(estate, "s3", head(13), "t-0")
    for name, body in (("a", b"hello"), ("b", b"\xff\xfe"), ("c", b"")):
        s3_server.client().put_object(Bucket=bucket, Key=f"{key.rpartition('/')[0]}/{name}", Body=body)
    s3_server.client().put_object(Bucket=bucket, Key=key, Body=str(head(12, "replayed")).encode())
    found = read_anchors(estate.environment, LAUNCH)
    assert found.heads == (head(13),)
    assert len(found.unreadable) == 4
    assert sum("it was overwritten" in one for one in found.unreadable) == 1


async def test_more_than_a_page_of_heads_is_read(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 lists at most so many keys at once; what comes after the first page is not lost."""
    for seq in range(1, 6):
        await write_anchor(estate, "s3", head(seq), "t-0")
    opened = anchoring.s3_bucket

    def small_pages(*given: object) -> object:
        client, section = opened(*given)  # type: ignore[arg-type]  # handed on as it came
        client.meta.events.register(
            "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=2)
        )
        return client, section

    monkeypatch.setattr(anchoring, "s3_bucket", small_pages)
    assert len(read_anchors(estate.environment, LAUNCH).heads) == 5


async def test_a_place_that_does_not_answer_is_an_error(estates: Estates, s3_server: S3Server) -> None:
    """No bucket, no server, none configured: never an empty list of heads."""
    section = s3_server.section(estates.secret, "")
    for buckets in (
        {"anchors": {**section, "bucket": "no-such-bucket"}},
        {"anchors": {**section, "endpoint": "http://127.0.0.1:1"}},
        {},
    ):
        estate = estates.make(buckets=buckets)
        with pytest.raises(CouldNotObserve, match="S3: "):
            read_anchors(estate.environment, LAUNCH)
        with pytest.raises(CouldNotObserve, match="S3: "):
            await write_anchor(estate, "s3", head(1), "t-0")
