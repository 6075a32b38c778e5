"""What is under a KMS key goes under another: as it was, wherever it was broken off, whoever writes meanwhile."""

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import tasks.kms_objects
import tasks.kms_rows
from tasks.aws_client import AwsService
from tasks.kms_sweep import Came, Fate, came
from tasks.rotators.rotator import NotYet, Turn
from tests.tasks.rotators.kms_room import BUCKET, KmsRoom, done, set_new
from tminus.clock import now
from tminus.rotations.document import Document


async def test_an_object_stays_what_it_was(kms_room: KmsRoom) -> None:
    """Content, content type, metadata, tags and storage class; what is under another key is left alone."""
    kms_room.put("one", b"the paper")
    other = kms_room.kms.create_key()["KeyMetadata"]["KeyId"]
    kms_room.put("other", b"of others", key=other)
    new = await set_new(kms_room.policy(), kms_room.turn())
    got = kms_room.s3.get_object(Bucket=BUCKET, Key="p/one")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"the paper", "text/markdown", {"of": "one"})
    assert (got["StorageClass"], got["SSEKMSKeyId"]) == ("STANDARD_IA", new.name("key_id"))
    assert kms_room.s3.get_object_tagging(Bucket=BUCKET, Key="p/one")["TagSet"] == [{"Key": "kind", "Value": "paper"}]
    assert sorted(kms_room.keys_of_objects()) == sorted([new.name("key_id"), other])
    assert "1 are under other keys" in done(await kms_room.policy().test(kms_room.turn(), new)).said


async def test_it_goes_on_where_it_was_broken_off(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn's time is over after a batch: it says how far it came, and the next one does not begin anew."""
    monkeypatch.setattr(tasks.kms_objects, "_AT_ONCE", 2)
    monkeypatch.setattr(tasks.kms_rows, "_AT_ONCE", 2)
    kms_room.objects(5)
    kms_room.rows(5)
    policy = kms_room.policy(at_a_time="0.001s")
    turn = Turn(**{**vars(kms_room.turn()), "way": await policy.plan(kms_room.turn())})
    new = await policy.create(turn)
    said = []
    while isinstance(asked := await policy.set(turn, new), NotYet):
        said.append(asked.why)
        assert asked.until <= now()
    assert said[0] == "2 of 10 looked at, 2 of them encrypted anew"
    assert said[-1].startswith("9 of 10")
    assert len(said) == 5
    assert "10 encrypted anew" in done(asked).said


async def test_what_somebody_wrote_meanwhile_stays(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at an object and its copy somebody writes it: S3 refuses the copy, and the newer one moves."""
    kms_room.objects(2)
    plain, written = AwsService.read, []

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation == "CopyObject" and not written:
            written.append(parameters["Key"])
            kms_room.put(str(parameters["Key"]).removeprefix("p/"), b"newer")
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    new = await set_new(kms_room.policy(), kms_room.turn())
    assert kms_room.s3.get_object(Bucket=BUCKET, Key=written[0])["Body"].read() == b"newer"
    assert kms_room.keys_of_objects() == [new.name("key_id")] * 2


async def test_the_fake_refuses_a_stale_copy(kms_room: KmsRoom) -> None:
    """As S3 does with If-Match, so that the tests above mean something: moto itself copies whatever is there."""
    kms_room.put("one")
    source = {"Bucket": BUCKET, "Key": "p/one"}
    with pytest.raises(ClientError, match="PreconditionFailed"):
        kms_room.s3.copy_object(
            Bucket=BUCKET, Key="p/one", CopySource=source, IfMatch='"other"', StorageClass="STANDARD"
        )  # type: ignore[arg-type]  # a dict is one
    etag = kms_room.s3.head_object(Bucket=BUCKET, Key="p/one")["ETag"]
    kms_room.s3.copy_object(Bucket=BUCKET, Key="p/one", CopySource=source, IfMatch=etag, StorageClass="STANDARD")  # type: ignore[arg-type]  # a dict is one


async def test_an_object_that_never_rests_is_said_to(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes it before each copy: it is neither lost nor counted as moved."""
    kms_room.put("one")
    plain = AwsService.read

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation == "CopyObject":
            kms_room.put("one", str(time.monotonic()).encode())
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    policy, turn = kms_room.policy(), kms_room.turn()
    asked = await policy.set(turn, await policy.create(turn))
    assert isinstance(asked, NotYet)
    assert "1 were changed by others" in asked.why


async def test_a_row_that_somebody_changed_meanwhile_stays(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare and set: the data key that somebody put there after it was read is the one that is moved."""
    kms_room.rows(2)
    plain, changed = AwsService.read, []

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation == "ReEncrypt" and not changed:
            changed.append(1)
            with kms_room.postgres.connect() as connection:
                connection.execute("DELETE FROM tenant_keys WHERE id = 1")
                wrapped = kms_room.kms.encrypt(
                    KeyId=kms_room.old,
                    Plaintext=b"newer",
                    EncryptionContext={"use": "envelope", "tenant": "t1"},
                )["CiphertextBlob"]
                connection.execute("INSERT INTO tenant_keys VALUES (1, %s, %s)", ('{"tenant": "t1"}', wrapped))
                connection.execute("DELETE FROM tenant_keys WHERE id = 2")
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    new = await set_new(kms_room.policy(), kms_room.turn())
    assert kms_room.opened_rows() == [("newer", new.name("key_id"))]


_CHILD = """
import asyncio, json, sys
from pathlib import Path
import tasks.kms_objects, tasks.kms_rows, tasks.kms_sweep
from pydantic import SecretStr
from tasks.estate import Estate
from tasks.rotators.kms_key import KmsKey
from tasks.rotators.rotator import Turn
from tminus.environment import Environment
from tminus.release import Release
from tminus.rotations.document import Document
tasks.kms_objects._AT_ONCE = tasks.kms_rows._AT_ONCE = 5
tasks.kms_sweep._NOTED_EVERY = 0.0
told = json.loads(sys.argv[1])
estate = Estate(Environment.model_validate(told["environment"]), Release.model_construct(), "launch", Path.cwd())
old = Document(SecretStr(json.dumps({"key_id": told["old"]})), "old")
new = Document(SecretStr(json.dumps({"key_id": told["new"]})), "new")
turn = Turn(estate, "key", "20270104-key", "v", {}, old)
asyncio.run(KmsKey.model_validate(told["policy"]).set(turn, new))
"""


def _noted(kms_room: KmsRoom, new: Document) -> bool:
    """Whether it is kept with the new key how far it came."""
    tags = kms_room.kms.list_resource_tags(KeyId=new.name("key_id"))["Tags"]
    return any(one["TagKey"].startswith("tminus-set-") for one in tags)


async def test_a_kill_in_the_middle(kms_room: KmsRoom) -> None:
    """Kill -9 while it is at work: started again, everything is under the new key, and nothing is lost or twice."""
    kms_room.objects(40)
    kms_room.rows(20)
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await policy.create(turn)
    told = {
        "environment": kms_room.estate.environment.model_dump(mode="json", exclude_unset=True),
        "policy": policy.model_dump(mode="json"),
        "old": kms_room.old,
        "new": new.name("key_id"),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, json.dumps(told), cwd=Path(__file__).parents[3]
    )
    try:
        until = time.monotonic() + 30
        while not _noted(kms_room, new):
            assert time.monotonic() < until
            assert child.returncode is None
            await asyncio.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    before = kms_room.keys_of_objects().count(new.name("key_id"))
    assert 5 <= before < 40
    done(await policy.set(turn, new))
    assert kms_room.keys_of_objects() == [new.name("key_id")] * 40
    assert kms_room.opened_rows() == [(f"data key {number}", new.name("key_id")) for number in range(1, 21)]


async def test_no_data_key_is_shown(kms_room: KmsRoom, caplog: pytest.LogCaptureFixture) -> None:
    """The plaintext of no data key reaches this process, whatever is logged: it is opened inside KMS alone."""
    kms_room.rows(2)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="botocore"):
        await kms_room.policy().plan(kms_room.turn())
        new = await set_new(kms_room.policy(), kms_room.turn())
        await kms_room.policy().test(kms_room.turn(), new)
    assert "ReEncrypt" in caplog.text
    for number in (1, 2):
        assert f"data key {number}" not in caplog.text
    assert '"Plaintext"' not in caplog.text


def test_how_far_it_came_is_kept_in_a_tag() -> None:
    """It fits into one, however long a name is, and says no more than it knows."""
    one = Came("p/ä" * 300)
    one.fates[Fate.MOVED] = 12_400
    read = came(one.note())
    assert len(one.note()) <= 256
    assert (one.at.startswith(read.at), len(read.at) > 50, read.fates[Fate.MOVED], read.ended) == (
        True,
        True,
        12_400,
        False,
    )
    one.ended = True
    assert came(one.note()).ended
    assert came("something else") == came("") == Came()


async def test_another_place_in_the_book_moves_no_progress(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far a table came is kept by its own name: it goes on there though the book names a bucket before it now."""
    monkeypatch.setattr(tasks.kms_rows, "_AT_ONCE", 2)
    kms_room.rows(5)
    kms_room.objects(1)
    turn = kms_room.turn()
    before = kms_room.policy(at_a_time="0.001s", buckets=[])
    new = await before.create(turn)
    assert isinstance(await before.set(turn, new), NotYet)
    after = kms_room.policy(at_a_time="0.001s")
    assert isinstance(came := await after.set(turn, new), NotYet)
    assert came.why.startswith("3 of ")
