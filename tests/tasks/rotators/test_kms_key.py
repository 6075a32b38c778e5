"""A KMS key is replaced, and everything that the book names is under the new one, on moto and a real PostgreSQL."""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

import tasks.kms_objects
import tasks.kms_rows
from deployments.rehearsal.vendors.aws_moto import fake_aws
from tasks.aws_client import AwsService
from tasks.aws_errors import refused
from tasks.kms_keys import KmsKeys
from tasks.kms_sweep import Came, Fate, came
from tasks.rotators.kms_key import KmsKey
from tasks.rotators.rotator import Done, NotYet, Turn
from tasks.rotators.vocabulary import ROTATORS
from tests.conftest import Estates, PostgresServer
from tests.tasks.rotators.kms_room import BUCKET, KmsRoom
from tminus.clock import now
from tminus.errors import Refused
from tminus.rotations.document import Document


@pytest.fixture
def room(postgres_server: PostgresServer, estates: Estates) -> Iterator[KmsRoom]:
    """An empty bucket and an empty table, and a key for both."""
    with fake_aws() as aws:
        yield KmsRoom(aws, postgres_server, estates)


def _done(came: Done | NotYet) -> Done:
    assert isinstance(came, Done), came
    return came


async def _set(policy: KmsKey, turn: Turn) -> Document:
    new = await policy.create(turn)
    _done(await policy.set(turn, new))
    return new


async def test_a_whole_rotation(room: KmsRoom) -> None:
    """Everything is under the new key, the old one is disabled and then deleted, and each stage may be asked twice."""
    room.objects(5)
    room.rows(5)
    policy, turn = room.policy(), room.turn()
    way = await policy.plan(turn)
    assert (way["key"], way["objects"], way["rows"]) == (room.old, "5", "5")
    new = await policy.create(turn)
    made = new.name("key_id")
    assert (new.name("note"), made != room.old) == ("kept", True)
    assert (await policy.create(turn)).name("key_id") == made
    assert not _done(await policy.set(turn, new)).already
    assert (room.alias(), room.default()) == (made, made)
    assert room.keys_of_objects() == [made] * 5
    assert room.opened_rows() == [(f"data key {number}", made) for number in range(1, 6)]
    assert _done(await policy.set(turn, new)).already
    assert _done(await policy.test(turn, new)).said.startswith(f"0 left under key {room.old}: 10 are under")
    promoted = room.turn(promoted=now())
    assert not (await policy.census(promoted, new)).uses
    assert not _done(await policy.off(promoted, new)).already
    assert (room.state(room.old), room.state(made)) == ("Disabled", "Enabled")
    assert _done(await policy.off(promoted, new)).already
    assert not (await policy.on(promoted, new)).already
    assert (await policy.on(promoted, new)).already
    _done(await policy.off(promoted, new))
    assert "30 days" in _done(await policy.drop(promoted, new)).said
    assert room.state(room.old) == "PendingDeletion"
    assert _done(await policy.drop(promoted, new)).already
    with pytest.raises(Refused, match="CancelKeyDeletion"):
        await policy.on(promoted, new)


async def test_a_new_key_is_like_the_old_one(room: KmsRoom) -> None:
    """Policy, description, tags and yearly rotation; and no notes are left with it at the end."""
    policy, turn = room.policy(), room.turn()
    new = await _set(policy, turn)
    made = new.name("key_id")
    assert (
        room.kms.get_key_policy(KeyId=made, PolicyName="default")["Policy"]
        == (room.kms.get_key_policy(KeyId=room.old, PolicyName="default")["Policy"])
    )
    assert room.kms.describe_key(KeyId=made)["KeyMetadata"]["Description"] == "trading's papers"
    assert room.kms.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"]
    tags = {one["TagKey"]: one["TagValue"] for one in room.kms.list_resource_tags(KeyId=made)["Tags"]}
    assert tags == {"team": "trading", "tminus-rotation": turn.rotation}


async def test_keys_of_others_are_passed_over(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the account's keys is one whose tags may not be read: the one that an earlier try made is found."""
    closed = room.kms.create_key()["KeyMetadata"]["KeyId"]
    plain = KmsKeys.tags

    def tags(self: KmsKeys, key: str) -> dict[str, str]:
        if key == closed:
            raise refused({"Error": {"Code": "AccessDeniedException"}}, "kms", "kms:ListResourceTags")
        return plain(self, key)

    monkeypatch.setattr(KmsKeys, "tags", tags)
    policy, turn = room.policy(), room.turn()
    made = [(await policy.create(turn)).name("key_id") for _ in range(2)]
    assert made[0] == made[1] != closed


async def test_an_object_stays_what_it_was(room: KmsRoom) -> None:
    """Content, content type, metadata, tags and storage class; what is under another key is left alone."""
    room.put("one", b"the paper")
    other = room.kms.create_key()["KeyMetadata"]["KeyId"]
    room.put("other", b"of others", key=other)
    new = await _set(room.policy(), room.turn())
    got = room.s3.get_object(Bucket=BUCKET, Key="p/one")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"the paper", "text/markdown", {"of": "one"})
    assert (got["StorageClass"], got["SSEKMSKeyId"]) == ("STANDARD_IA", new.name("key_id"))
    assert room.s3.get_object_tagging(Bucket=BUCKET, Key="p/one")["TagSet"] == [{"Key": "kind", "Value": "paper"}]
    assert sorted(room.keys_of_objects()) == sorted([new.name("key_id"), other])
    assert "1 are under other keys" in _done(await room.policy().test(room.turn(), new)).said


async def test_it_goes_on_where_it_was_broken_off(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn's time is over after a batch: it says how far it came, and the next one does not begin anew."""
    monkeypatch.setattr(tasks.kms_objects, "_AT_ONCE", 2)
    monkeypatch.setattr(tasks.kms_rows, "_AT_ONCE", 2)
    room.objects(5)
    room.rows(5)
    policy = room.policy(at_a_time="0.001s")
    turn = Turn(**{**vars(room.turn()), "way": await policy.plan(room.turn())})
    new = await policy.create(turn)
    said = []
    while isinstance(asked := await policy.set(turn, new), NotYet):
        said.append(asked.why)
        assert asked.until <= now()
    assert said[0] == "2 of 10 looked at, 2 of them encrypted anew"
    assert said[-1].startswith("9 of 10")
    assert len(said) == 5
    assert "10 encrypted anew" in _done(asked).said


async def test_what_somebody_wrote_meanwhile_stays(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at an object and its copy somebody writes it: S3 refuses the copy, and the newer one moves."""
    room.objects(2)
    plain, written = AwsService.read, []

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation == "CopyObject" and not written:
            written.append(parameters["Key"])
            room.put(str(parameters["Key"]).removeprefix("p/"), b"newer")
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    new = await _set(room.policy(), room.turn())
    assert room.s3.get_object(Bucket=BUCKET, Key=written[0])["Body"].read() == b"newer"
    assert room.keys_of_objects() == [new.name("key_id")] * 2


async def test_the_fake_refuses_a_stale_copy(room: KmsRoom) -> None:
    """As S3 does with If-Match, so that the tests above mean something: moto itself copies whatever is there."""
    room.put("one")
    source = {"Bucket": BUCKET, "Key": "p/one"}
    with pytest.raises(ClientError, match="PreconditionFailed"):
        room.s3.copy_object(Bucket=BUCKET, Key="p/one", CopySource=source, IfMatch='"other"', StorageClass="STANDARD")  # type: ignore[arg-type]  # a dict is one
    etag = room.s3.head_object(Bucket=BUCKET, Key="p/one")["ETag"]
    room.s3.copy_object(Bucket=BUCKET, Key="p/one", CopySource=source, IfMatch=etag, StorageClass="STANDARD")  # type: ignore[arg-type]  # a dict is one


async def test_an_object_that_never_rests_is_said_to(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes it before each copy: it is neither lost nor counted as moved."""
    room.put("one")
    plain = AwsService.read

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation == "CopyObject":
            room.put("one", str(time.monotonic()).encode())
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    policy, turn = room.policy(), room.turn()
    asked = await policy.set(turn, await policy.create(turn))
    assert isinstance(asked, NotYet)
    assert "1 were changed by others" in asked.why


async def test_a_row_that_somebody_changed_meanwhile_stays(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare and set: the data key that somebody put there after it was read is the one that is moved."""
    room.rows(2)
    plain, changed = AwsService.read, []

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation == "ReEncrypt" and not changed:
            changed.append(1)
            with room.postgres.connect() as connection:
                connection.execute("DELETE FROM tenant_keys WHERE id = 1")
                wrapped = room.kms.encrypt(
                    KeyId=room.old,
                    Plaintext=b"newer",
                    EncryptionContext={"use": "envelope", "tenant": "t1"},
                )["CiphertextBlob"]
                connection.execute("INSERT INTO tenant_keys VALUES (1, %s, %s)", ('{"tenant": "t1"}', wrapped))
                connection.execute("DELETE FROM tenant_keys WHERE id = 2")
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    new = await _set(room.policy(), room.turn())
    assert room.opened_rows() == [("newer", new.name("key_id"))]


async def test_undo_in_the_middle(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it is under the new key: all of it goes back, and the new key goes once nothing is under it."""
    monkeypatch.setattr(tasks.kms_objects, "_AT_ONCE", 2)
    room.objects(4)
    room.rows(3)
    policy, turn = room.policy(at_a_time="0.001s"), room.turn()
    new = await policy.create(turn)
    assert isinstance(await policy.set(turn, new), NotYet)
    assert sorted(set(room.keys_of_objects())) == sorted({room.old, new.name("key_id")})
    while isinstance(undone := await policy.undo(turn, new), NotYet):
        assert undone.until <= now(), "it goes on at once"
    assert not undone.already
    assert (room.alias(), room.default(), set(room.keys_of_objects())) == (room.old, room.old, {room.old})
    assert {key for _, key in room.opened_rows()} == {room.old}
    assert (room.state(room.old), room.state(new.name("key_id"))) == ("Enabled", "PendingDeletion")
    again = await policy.undo(turn, new)
    assert isinstance(again, Done)
    assert again.already


async def test_undo_before_anything_was_stored(room: KmsRoom) -> None:
    """The key that create made, and Secrets Manager never saw, goes; where none was made, nothing does."""
    policy, turn = room.policy(), room.turn()
    assert (await policy.undo(turn, None)).already
    made = (await policy.create(turn)).name("key_id")
    assert not (await policy.undo(turn, None)).already
    assert (room.state(made), room.state(room.old)) == ("PendingDeletion", "Enabled")
    assert (await policy.undo(turn, None)).already
    assert (await policy.create(turn)).name("key_id") != made


async def test_who_still_writes_under_the_old_key(room: KmsRoom) -> None:
    """They are counted and dated, what they wrote is moved, and the old key stays on until a look finds nothing."""
    room.objects(1)
    policy, turn = room.policy(), room.turn()
    blast = await policy.census(turn, turn.old)
    assert [(one.who, one.times) for one in blast.uses] == [(f"objects of s3://{BUCKET}/p/ under the key", 1)]
    new = await _set(policy, turn)
    promoted = room.turn(promoted=now())
    began = datetime.now(UTC)
    room.put("late")
    room.rows(2)
    seen = await policy.census(promoted, new)
    assert [one.times for one in seen.uses] == [1, 2]
    assert seen.last is not None
    assert began <= seen.last <= datetime.now(UTC)
    assert "CloudTrail" in seen.blind
    assert (await policy.census(promoted, new)).last == seen.last
    room.put("later")
    waits = await policy.off(promoted, new)
    assert isinstance(waits, NotYet)
    assert "still used" in waits.why
    assert room.state(room.old) == "Enabled"
    again = await policy.census(promoted, new)
    assert again.last is not None
    assert again.last > seen.last
    _done(await policy.off(promoted, new))
    assert set(room.keys_of_objects()) == {new.name("key_id")}


async def test_a_leak_does_not_wait_for_them(room: KmsRoom) -> None:
    """At once: what was written late is moved, and the old key is off after a pass in which nothing was."""
    policy, turn = room.policy(), room.turn(at_once=True)
    new = await _set(policy, turn)
    room.put("late")
    again = await policy.off(turn, new)
    assert isinstance(again, NotYet)
    assert again.until <= now()
    _done(await policy.off(turn, new))
    assert (room.state(room.old), room.keys_of_objects()) == ("Disabled", [new.name("key_id")])


async def test_old_versions_keep_the_old_key_on(room: KmsRoom) -> None:
    """A copy leaves the version before under the old key: it is counted, and waited for unless the book accepts it."""
    room.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    room.objects(3)
    policy, turn = room.policy(), room.turn()
    new = await _set(policy, turn)
    asked = await policy.off(turn, new)
    assert isinstance(asked, NotYet)
    assert asked.why.startswith("3 old versions of objects are under key")
    assert asked.until > now() + timedelta(hours=23)
    accepts = room.policy(older_versions="accept")
    assert "3 old versions cannot be read" in _done(await accepts.off(turn, new)).said
    assert isinstance(await policy.drop(turn, new), NotYet)
    _done(await accepts.drop(turn, new))


async def test_undo_leaves_a_key_that_old_versions_are_under(room: KmsRoom) -> None:
    """The new key is not deleted while something is under it, and who undoes it is told."""
    room.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    room.objects(2)
    policy, turn = room.policy(), room.turn()
    new = await _set(policy, turn)
    assert isinstance(await policy.undo(turn, new), NotYet)
    assert "2 old versions" in _done(await policy.undo(turn, new)).said
    assert room.state(new.name("key_id")) == "Enabled"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda room: room.kms.disable_key(KeyId=room.old), "Disabled; enable it"),
        (
            lambda room: room.kms.update_alias(
                AliasName="alias/trading", TargetKeyId=room.kms.create_key()["KeyMetadata"]["KeyId"]
            ),
            "let both name one",
        ),
        (
            lambda room: room.kms.create_grant(
                KeyId=room.old, GranteePrincipal="arn:aws:iam::1:role/batch", Operations=["Decrypt"]
            ),
            "1 grants.*batch",
        ),
        (
            lambda room: room.kms.put_key_policy(
                KeyId=room.old,
                PolicyName="default",
                Policy=json.dumps({"Resource": room.kms.describe_key(KeyId=room.old)["KeyMetadata"]["Arn"]}),
            ),
            "names the key itself",
        ),
    ],
)
async def test_a_key_that_cannot_be_replaced(room: KmsRoom, spoil: object, said: str) -> None:
    """Before anything is done, with the reason."""
    spoil(room)  # type: ignore[operator]  # one of those above
    with pytest.raises(Refused, match=said):
        await room.policy().plan(room.turn())


async def test_an_object_that_no_copy_keeps(room: KmsRoom) -> None:
    """One too large for a copy is named before anything is done; one that an ACL opens to others when it is reached."""
    room.put("one")
    large = room.aws.altered("s3.GET /trading-papers", rb"<Size>5</Size>", b"<Size>6442450944</Size>")
    with large, pytest.raises(Refused, match=r"p/one has 6.0 GiB"):
        await room.policy().plan(room.turn())
    await room.policy().plan(room.turn())
    room.s3.put_object_acl(Bucket=BUCKET, Key="p/one", ACL="public-read")
    policy, turn = room.policy(), room.turn()
    with pytest.raises(Refused, match="ACL"):
        await policy.set(turn, await policy.create(turn))
    assert room.keys_of_objects() == [room.old]


async def test_a_row_that_its_context_does_not_open(room: KmsRoom) -> None:
    """It is named, nothing of it is shown, and it stays as it is."""
    room.rows(1)
    with room.postgres.connect() as connection:
        connection.execute("""UPDATE tenant_keys SET tenant = '{"tenant": "somebody else"}'""")
    policy, turn = room.policy(), room.turn()
    with pytest.raises(Refused, match="whose id is 1: it is damaged, or its encryption context"):
        await policy.set(turn, await policy.create(turn))
    assert room.opened_rows() == [("data key 1", room.old)]


async def test_a_key_that_opens_anything_is_found_out(room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a wrong encryption context opens a ciphertext, the test of the new key fails."""
    policy, turn = room.policy(), room.turn()
    new = await _set(policy, turn)
    _done(await policy.test(turn, new))
    plain = AwsService.read

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation in {"ReEncrypt", "GenerateDataKeyWithoutPlaintext"}:
            parameters = {name: ({} if isinstance(value, dict) else value) for name, value in parameters.items()}
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    with pytest.raises(Refused, match="not its own"):
        await policy.test(turn, new)


async def test_somebody_else_moved_the_alias(room: KmsRoom) -> None:
    """It points to a third key: nothing is moved over it, forward or back."""
    policy, turn = room.policy(), room.turn()
    new = await policy.create(turn)
    third = room.kms.create_key()["KeyMetadata"]["KeyId"]
    room.kms.update_alias(AliasName="alias/trading", TargetKeyId=third)
    for step in (policy.set(turn, new), policy.undo(turn, new)):
        with pytest.raises(Refused, match=third):
            await step
    assert room.alias() == third


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


def _noted(room: KmsRoom, new: Document) -> bool:
    """Whether it is kept with the new key how far it came."""
    tags = room.kms.list_resource_tags(KeyId=new.name("key_id"))["Tags"]
    return any(one["TagKey"] == "tminus-set-0" for one in tags)


async def test_a_kill_in_the_middle(room: KmsRoom) -> None:
    """Kill -9 while it is at work: started again, everything is under the new key, and nothing is lost or twice."""
    room.objects(40)
    room.rows(20)
    policy, turn = room.policy(), room.turn()
    new = await policy.create(turn)
    told = {
        "environment": room.estate.environment.model_dump(mode="json", exclude_unset=True),
        "policy": policy.model_dump(mode="json"),
        "old": room.old,
        "new": new.name("key_id"),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, json.dumps(told), cwd=Path(__file__).parents[3]
    )
    try:
        until = time.monotonic() + 30
        while not _noted(room, new):
            assert time.monotonic() < until
            assert child.returncode is None
            await asyncio.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    before = room.keys_of_objects().count(new.name("key_id"))
    assert 5 <= before < 40
    _done(await policy.set(turn, new))
    assert room.keys_of_objects() == [new.name("key_id")] * 40
    assert room.opened_rows() == [(f"data key {number}", new.name("key_id")) for number in range(1, 21)]


async def test_no_data_key_is_shown(room: KmsRoom, caplog: pytest.LogCaptureFixture) -> None:
    """The plaintext of no data key reaches this process, whatever is logged: it is opened inside KMS alone."""
    room.rows(2)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="botocore"):
        await room.policy().plan(room.turn())
        new = await _set(room.policy(), room.turn())
        await room.policy().test(room.turn(), new)
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


def test_what_the_book_may_say() -> None:
    """AWS's own aliases are nobody's to move, and KMS waits 7 to 30 days."""
    plain = {"title": "t", "owner": "o", "secret": "s", "every": "365d", "alias": "alias/trading"}
    assert isinstance(ROTATORS["kms.key"].model_validate(plain), KmsKey)
    for wrong in ({"alias": "alias/aws/s3"}, {"deletion_window": "6d"}, {"deletion_window": "31d"}):
        with pytest.raises(ValidationError):
            KmsKey.model_validate({**plain, **wrong})


async def test_a_key_that_somebody_else_disabled(room: KmsRoom) -> None:
    """What may be under it cannot be seen, so it is not let go; once it is enabled again that is looked at."""
    policy, turn = room.policy(), room.turn()
    new = await _set(policy, turn)
    room.put("late")
    room.kms.disable_key(KeyId=room.old)
    with pytest.raises(Refused, match="somebody else did that"):
        await policy.off(turn, new)
    room.kms.enable_key(KeyId=room.old)
    assert isinstance(await policy.off(turn, new), NotYet)
    assert room.keys_of_objects() == [new.name("key_id")]
