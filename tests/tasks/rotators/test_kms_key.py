"""A KMS key is replaced, and everything that the book names is under the new one, on moto and a real PostgreSQL."""

from datetime import UTC, datetime

import pytest

import tasks.kms_objects
import tasks.kms_rows
from tasks.aws_errors import refused
from tasks.kms_keys import KmsKeys
from tasks.rotators.rotator import Done, NotYet
from tests.tasks.rotators.kms_room import BUCKET, KmsRoom, done, set_new
from tminus.clock import now
from tminus.errors import Refused


async def test_a_whole_rotation(kms_room: KmsRoom) -> None:
    """Everything is under the new key, the old one is disabled and then deleted, and each stage may be asked twice."""
    kms_room.objects(5)
    kms_room.rows(5)
    policy, turn = kms_room.policy(), kms_room.turn()
    way = await policy.plan(turn)
    assert (way["key"], way["objects"], way["rows"]) == (kms_room.old, "5", "5")
    new = await policy.create(turn)
    made = new.name("key_id")
    assert (new.name("note"), made != kms_room.old) == ("kept", True)
    assert (await policy.create(turn)).name("key_id") == made
    assert not done(await policy.set(turn, new)).already
    assert (kms_room.alias(), kms_room.default()) == (made, made)
    assert kms_room.keys_of_objects() == [made] * 5
    assert kms_room.opened_rows() == [(f"data key {number}", made) for number in range(1, 6)]
    assert done(await policy.set(turn, new)).already
    assert done(await policy.test(turn, new)).said.startswith(f"0 left under key {kms_room.old}: 10 are under")
    promoted = kms_room.turn(promoted=now())
    assert not (await policy.census(promoted, new)).uses
    assert not done(await policy.off(promoted, new)).already
    assert (kms_room.state(kms_room.old), kms_room.state(made)) == ("Disabled", "Enabled")
    assert done(await policy.off(promoted, new)).already
    assert not (await policy.on(promoted, new)).already
    assert (await policy.on(promoted, new)).already
    done(await policy.off(promoted, new))
    assert "30 days" in done(await policy.drop(promoted, new)).said
    assert kms_room.state(kms_room.old) == "PendingDeletion"
    assert done(await policy.drop(promoted, new)).already
    with pytest.raises(Refused, match="CancelKeyDeletion"):
        await policy.on(promoted, new)


async def test_a_new_key_is_like_the_old_one(kms_room: KmsRoom) -> None:
    """Policy, description, tags and yearly rotation; and no notes are left with it at the end."""
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await set_new(policy, turn)
    made = new.name("key_id")
    assert (
        kms_room.kms.get_key_policy(KeyId=made, PolicyName="default")["Policy"]
        == (kms_room.kms.get_key_policy(KeyId=kms_room.old, PolicyName="default")["Policy"])
    )
    assert kms_room.kms.describe_key(KeyId=made)["KeyMetadata"]["Description"] == "trading's papers"
    assert kms_room.kms.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"]
    tags = {one["TagKey"]: one["TagValue"] for one in kms_room.kms.list_resource_tags(KeyId=made)["Tags"]}
    assert tags == {"team": "trading", "tminus-rotation": turn.rotation}


async def test_keys_of_others_are_passed_over(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the account's keys is one whose tags may not be read: the one that an earlier try made is found."""
    closed = kms_room.kms.create_key()["KeyMetadata"]["KeyId"]
    plain = KmsKeys.tags

    def tags(self: KmsKeys, key: str) -> dict[str, str]:
        if key == closed:
            raise refused({"Error": {"Code": "AccessDeniedException"}}, "kms", "kms:ListResourceTags")
        return plain(self, key)

    monkeypatch.setattr(KmsKeys, "tags", tags)
    policy, turn = kms_room.policy(), kms_room.turn()
    made = [(await policy.create(turn)).name("key_id") for _ in range(2)]
    assert made[0] == made[1] != closed


async def test_undo_in_the_middle(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it is under the new key: all of it goes back, and the new key goes once nothing is under it."""
    monkeypatch.setattr(tasks.kms_objects, "_AT_ONCE", 2)
    kms_room.objects(4)
    kms_room.rows(3)
    policy, turn = kms_room.policy(at_a_time="0.001s"), kms_room.turn()
    new = await policy.create(turn)
    assert isinstance(await policy.set(turn, new), NotYet)
    assert sorted(set(kms_room.keys_of_objects())) == sorted({kms_room.old, new.name("key_id")})
    while isinstance(undone := await policy.undo(turn, new), NotYet):
        assert undone.until <= now(), "it goes on at once"
    assert not undone.already
    assert (kms_room.alias(), kms_room.default(), set(kms_room.keys_of_objects())) == (
        kms_room.old,
        kms_room.old,
        {kms_room.old},
    )
    assert {key for _, key in kms_room.opened_rows()} == {kms_room.old}
    assert (kms_room.state(kms_room.old), kms_room.state(new.name("key_id"))) == ("Enabled", "PendingDeletion")
    again = await policy.undo(turn, new)
    assert isinstance(again, Done)
    assert again.already


async def test_undo_before_anything_was_stored(kms_room: KmsRoom) -> None:
    """The key that create made, and Secrets Manager never saw, goes; where none was made, nothing does."""
    policy, turn = kms_room.policy(), kms_room.turn()
    assert (await policy.undo(turn, None)).already
    made = (await policy.create(turn)).name("key_id")
    assert not (await policy.undo(turn, None)).already
    assert (kms_room.state(made), kms_room.state(kms_room.old)) == ("PendingDeletion", "Enabled")
    assert (await policy.undo(turn, None)).already
    assert (await policy.create(turn)).name("key_id") != made


async def test_who_still_writes_under_the_old_key(kms_room: KmsRoom) -> None:
    """They are counted and dated, what they wrote is moved, and the old key stays on until a look finds nothing."""
    kms_room.objects(1)
    policy, turn = kms_room.policy(), kms_room.turn()
    blast = await policy.census(turn, turn.old)
    assert [(one.who, one.times) for one in blast.uses] == [(f"objects of s3://{BUCKET}/p/ under the key", 1)]
    new = await set_new(policy, turn)
    promoted = kms_room.turn(promoted=now())
    began = datetime.now(UTC)
    kms_room.put("late")
    kms_room.rows(2)
    seen = await policy.census(promoted, new)
    assert [one.times for one in seen.uses] == [1, 2]
    assert seen.last is not None
    assert began <= seen.last <= datetime.now(UTC)
    assert "CloudTrail" in seen.blind
    assert (await policy.census(promoted, new)).last == seen.last
    kms_room.put("later")
    waits = await policy.off(promoted, new)
    assert isinstance(waits, NotYet)
    assert "still used" in waits.why
    assert kms_room.state(kms_room.old) == "Enabled"
    again = await policy.census(promoted, new)
    assert again.last is not None
    assert again.last > seen.last
    done(await policy.off(promoted, new))
    assert set(kms_room.keys_of_objects()) == {new.name("key_id")}


async def test_a_leak_does_not_wait_for_them(kms_room: KmsRoom) -> None:
    """At once: what was written late is moved, and the old key is off after a pass in which nothing was."""
    policy, turn = kms_room.policy(), kms_room.turn(at_once=True)
    new = await set_new(policy, turn)
    kms_room.put("late")
    again = await policy.off(turn, new)
    assert isinstance(again, NotYet)
    assert again.until <= now()
    done(await policy.off(turn, new))
    assert (kms_room.state(kms_room.old), kms_room.keys_of_objects()) == ("Disabled", [new.name("key_id")])
