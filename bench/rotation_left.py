"""What a run of bench.rotation left behind, asked of the servers by code that is not the product's."""

from collections.abc import Iterator

from bench.rotation_keys import published_ids
from bench.rotation_place import Place
from bench.rotation_secrets import Secrets
from deployments.rehearsal.witness_doors import TurnedAway, session
from deployments.rehearsal.witness_plan import Lived
from deployments.rehearsal.witness_secrets import Held, Reader
from deployments.rehearsal.witness_tokens import Tokens

_ROLES = """
    SELECT a.rolname, a.rolcanlogin, a.rolpassword IS NOT NULL FROM pg_authid a
    WHERE a.rolname !~ '^pg_' ORDER BY 1"""


def roles(at: Place) -> dict[str, tuple[bool, bool]]:
    """PostgreSQL's roles: whether each can log in, and whether it has a password."""
    with at.superuser() as connection:
        rows = connection.execute(_ROLES).fetchall()
    return {str(name): (bool(can), bool(password)) for name, can, password in rows}


def orphans(at: Place, secrets: Secrets, before: dict[str, tuple[bool, bool]]) -> Iterator[str]:
    """Users who are nobody's, and those who can log in though no secret says so any more.

    `before` are the roles before the first rotation. A pair's other half may be there, without a password.
    """
    now, pairs = roles(at), {f"{name}_{half}" for name in secrets.logins for half in "ab"}
    current = {at.current(name)["username"] for name in secrets.logins}
    for name, (can_login, password) in now.items():
        if name not in before and name not in pairs:
            yield f"{name} was not there before, and is of no pair"
        if name in pairs and name not in current and (can_login or password):
            yield f"{name} is no secret's current login, and {'can log in' if can_login else 'has a password'}"
    yield from (f"{name} is gone" for name in before if name not in now)
    with at.redis_admin() as redis:
        users = {str(user) for user in redis.acl_users()}
        yield from (f"{user} of Redis is nobody's" for user in users - {"default", *secrets.users})
        for user in secrets.users:
            if (count := len(redis.acl_getuser(user)["passwords"])) != 1:
                yield f"{user} of Redis has {count} passwords"
    for name in secrets.keys:
        if (ids := published_ids(at, name)) != [at.current(name)["kid"]]:
            yield f"{name} signs with {at.current(name)['kid']}, and its set has {', '.join(ids)}"


def dead(at: Place, secrets: Secrets) -> Iterator[str]:
    """Secrets whose current value does not open what it should."""
    reader = Reader(at.aws.address)
    for lived in secrets.plan.lived:
        held = reader.read(lived.secret)
        try:
            _use(lived, held)
        except TurnedAway as e:
            yield f"{lived.secret} ({held.user}): {e.kind}: {e.said}"


def _use(lived: Lived, held: Held) -> None:
    if lived.kind == "jwt":
        tokens = Tokens(lived.jwks, lives=60)
        tokens.sign_and_verify(held)
        tokens.close()
        return
    opened = session(lived, held)
    opened.ask()
    opened.close()
