"""What is proved of keys: that one can be replaced, and that the other opens what it must and nothing else."""

from tasks.aws_errors import NotOpened
from tasks.kms_keys import Key, KmsKeys
from tminus.errors import Refused


def require_replaceable(keys: KmsKeys, old: Key, alias: str, secret: str, leave_grants: bool) -> None:
    """Raises Refused where a new key would not do what this one does.

    Args:
        keys: KMS.
        old: the key.
        alias: what should point to it.
        secret: the name of the secret that names it.
        leave_grants: whether those who use it by a grant may lose that.
    """
    if (points := keys.key(alias).id) != old.id:
        raise Refused(f"{alias} points to key {points}, and {secret} names {old.id}; let both name one")
    if not old.enabled:
        raise Refused(f"key {old.id} is {old.state}; enable it first")
    sort = (old.manager, old.origin, old.spec)
    if sort != ("CUSTOMER", "AWS_KMS", "SYMMETRIC_DEFAULT") or old.multi_region:
        raise Refused(
            f"key {old.id} is {', '.join(sort)}{', multi-region' if old.multi_region else ''}; tminus replaces "
            "symmetric keys of a customer that KMS made for one region"
        )
    if old.arn in keys.policy(old.id):
        raise Refused(f"the policy of key {old.id} names the key itself, and is copied; write its Resource as *")
    if not leave_grants and (granted := keys.grants(old.id)):
        raise Refused(
            f"key {old.id} is used by {len(granted)} grants ({', '.join(sorted(set(granted))[:3])}), which the new "
            "key would not have; give access by the key's policy, or say `grants: leave`"
        )


def require_context(keys: KmsKeys, key: str, value: str) -> None:
    """Has a data key made that nobody sees; raises Refused unless its encryption context, and no other, opens it.

    Args:
        keys: KMS.
        key: the key's id.
        value: what is put into the context.
    """
    wrapped = keys.data_key(key, {"tminus": value})
    opened = keys.re_encrypt(wrapped, {"tminus": value}, key)
    if opened.source != key:
        raise Refused(f"a data key of key {key} is opened by {opened.source}: the alias or the region is another one")
    try:
        keys.re_encrypt(wrapped, {"tminus": f"not {value}"}, key)
    except NotOpened:
        return
    raise Refused(f"key {key} opens a data key under an encryption context that is not its own; is this KMS?")
