"""Where a KMS key is not replaced, or not let go: before anything is done, with the reason."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from tasks.aws_client import AwsService
from tasks.rotators.kms_key import KmsKey
from tasks.rotators.rotator import NotYet
from tasks.rotators.vocabulary import ROTATORS
from tests.tasks.rotators.kms_room import BUCKET, KmsRoom, done, set_new
from tminus.clock import now
from tminus.errors import Refused


async def test_old_versions_keep_the_old_key_on(kms_room: KmsRoom) -> None:
    """A copy leaves the version before under the old key: it is counted, and waited for unless the book accepts it."""
    kms_room.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    kms_room.objects(3)
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await set_new(policy, turn)
    asked = await policy.off(turn, new)
    assert isinstance(asked, NotYet)
    assert asked.why.startswith("3 old versions of objects are under key")
    assert asked.until > now() + timedelta(hours=23)
    accepts = kms_room.policy(older_versions="accept")
    assert "3 old versions cannot be read" in done(await accepts.off(turn, new)).said
    assert isinstance(await policy.drop(turn, new), NotYet)
    done(await accepts.drop(turn, new))


async def test_undo_leaves_a_key_that_old_versions_are_under(kms_room: KmsRoom) -> None:
    """The new key is not deleted while something is under it, and who undoes it is told."""
    kms_room.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    kms_room.objects(2)
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await set_new(policy, turn)
    assert isinstance(await policy.undo(turn, new), NotYet)
    assert "2 old versions" in done(await policy.undo(turn, new)).said
    assert kms_room.state(new.name("key_id")) == "Enabled"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda kms_room: kms_room.kms.disable_key(KeyId=kms_room.old), "Disabled; enable it"),
        (
            lambda kms_room: kms_room.kms.update_alias(
                AliasName="alias/trading", TargetKeyId=kms_room.kms.create_key()["KeyMetadata"]["KeyId"]
            ),
            "let both name one",
        ),
        (
            lambda kms_room: kms_room.kms.create_grant(
                KeyId=kms_room.old, GranteePrincipal="arn:aws:iam::1:role/batch", Operations=["Decrypt"]
            ),
            "1 grants.*batch",
        ),
        (
            lambda kms_room: kms_room.kms.put_key_policy(
                KeyId=kms_room.old,
                PolicyName="default",
                Policy=json.dumps({"Resource": kms_room.kms.describe_key(KeyId=kms_room.old)["KeyMetadata"]["Arn"]}),
            ),
            "names the key itself",
        ),
    ],
)
async def test_a_key_that_cannot_be_replaced(kms_room: KmsRoom, spoil: object, said: str) -> None:
    """Before anything is done, with the reason."""
    spoil(kms_room)  # type: ignore[operator]  # one of those above
    with pytest.raises(Refused, match=said):
        await kms_room.policy().plan(kms_room.turn())


async def test_an_object_that_no_copy_keeps(kms_room: KmsRoom) -> None:
    """One too large for a copy is named before anything is done; one that an ACL opens to others when it is reached."""
    kms_room.put("one")
    large = kms_room.aws.altered("s3.GET /trading-papers", rb"<Size>5</Size>", b"<Size>6442450944</Size>")
    with large, pytest.raises(Refused, match=r"p/one has 6.0 GiB"):
        await kms_room.policy().plan(kms_room.turn())
    await kms_room.policy().plan(kms_room.turn())
    kms_room.s3.put_object_acl(Bucket=BUCKET, Key="p/one", ACL="public-read")
    policy, turn = kms_room.policy(), kms_room.turn()
    with pytest.raises(Refused, match="ACL"):
        await policy.set(turn, await policy.create(turn))
    assert kms_room.keys_of_objects() == [kms_room.old]


async def test_a_row_that_its_context_does_not_open(kms_room: KmsRoom) -> None:
    """It is named, nothing of it is shown, and it stays as it is."""
    kms_room.rows(1)
    with kms_room.postgres.connect() as connection:
        connection.execute("""UPDATE tenant_keys SET tenant = '{"tenant": "somebody else"}'""")
    policy, turn = kms_room.policy(), kms_room.turn()
    with pytest.raises(Refused, match="whose id is 1: it is damaged, or its encryption context"):
        await policy.set(turn, await policy.create(turn))
    assert kms_room.opened_rows() == [("data key 1", kms_room.old)]


async def test_a_key_that_opens_anything_is_found_out(kms_room: KmsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a wrong encryption context opens a ciphertext, the test of the new key fails."""
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await set_new(policy, turn)
    done(await policy.test(turn, new))
    plain = AwsService.read

    def read(self: AwsService, model: type, operation: str, **parameters: object) -> object:
        if operation in {"ReEncrypt", "GenerateDataKeyWithoutPlaintext"}:
            parameters = {name: ({} if isinstance(value, dict) else value) for name, value in parameters.items()}
        return plain(self, model, operation, **parameters)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(AwsService, "read", read)
    with pytest.raises(Refused, match="not its own"):
        await policy.test(turn, new)


async def test_somebody_else_moved_the_alias(kms_room: KmsRoom) -> None:
    """It points to a third key: nothing is moved over it, forward or back."""
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await policy.create(turn)
    third = kms_room.kms.create_key()["KeyMetadata"]["KeyId"]
    kms_room.kms.update_alias(AliasName="alias/trading", TargetKeyId=third)
    for step in (policy.set(turn, new), policy.undo(turn, new)):
        with pytest.raises(Refused, match=third):
            await step
    assert kms_room.alias() == third


def test_what_the_book_may_say() -> None:
    """AWS's own aliases are nobody's to move, and KMS waits 7 to 30 days."""
    plain = {"title": "t", "owner": "o", "secret": "s", "every": "365d", "alias": "alias/trading"}
    assert isinstance(ROTATORS["kms.key"].model_validate(plain), KmsKey)
    for wrong in ({"alias": "alias/aws/s3"}, {"deletion_window": "6d"}, {"deletion_window": "31d"}):
        with pytest.raises(ValidationError):
            KmsKey.model_validate({**plain, **wrong})


async def test_a_key_that_somebody_else_disabled(kms_room: KmsRoom) -> None:
    """What may be under it cannot be seen, so it is not let go; once it is enabled again that is looked at."""
    policy, turn = kms_room.policy(), kms_room.turn()
    new = await set_new(policy, turn)
    kms_room.put("late")
    kms_room.kms.disable_key(KeyId=kms_room.old)
    with pytest.raises(Refused, match="somebody else did that"):
        await policy.off(turn, new)
    kms_room.kms.enable_key(KeyId=kms_room.old)
    assert isinstance(await policy.off(turn, new), NotYet)
    assert kms_room.keys_of_objects() == [new.name("key_id")]


@pytest.mark.parametrize(
    "spoil",
    [
        "DROP CONSTRAINT tenant_keys_pkey",
        "DROP CONSTRAINT tenant_keys_pkey, ADD UNIQUE (id, tenant)",
    ],
)
async def test_rows_that_could_be_passed_over(kms_room: KmsRoom, spoil: str) -> None:
    """Where two rows may have the same id, one could stay under the old key and be lost with it: refused before all."""
    kms_room.rows(2)
    with kms_room.postgres.connect() as connection:
        connection.execute(f"ALTER TABLE tenant_keys {spoil}")  # type: ignore[arg-type]  # one of those above
    with pytest.raises(Refused, match="of one row each and never NULL"):
        await kms_room.policy().plan(kms_room.turn())


async def test_a_leak_is_not_stopped_by_a_grant(kms_room: KmsRoom) -> None:
    """Whoever has the old key by a grant loses it, which is what cutting off means."""
    kms_room.kms.create_grant(KeyId=kms_room.old, GranteePrincipal="arn:aws:iam::1:role/batch", Operations=["Decrypt"])
    assert (await kms_room.policy().plan(kms_room.turn(at_once=True)))["key"] == kms_room.old
