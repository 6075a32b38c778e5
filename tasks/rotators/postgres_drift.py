"""Whether two logins are alike but for their names: what only one of them has is lost with every rotation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, LiteralString

from tminus.errors import Refused
from tminus.foreign_text import one_line, printable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_OWNER: LiteralString = "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s"
_POWERS: LiteralString = """
    SELECT rolname, power FROM pg_roles, LATERAL (VALUES (rolsuper, 'superuser'), (rolcreaterole, 'CREATEROLE'),
        (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) powers(has, power)
    WHERE has AND rolname = ANY(%(roles)s) ORDER BY 1, 2"""
_OWNED: LiteralString = """
    SELECT rolname, CASE WHEN d.dbid IN (0, here.oid) THEN pg_describe_object(d.classid, d.objid, d.objsubid)
        ELSE d.classid::regclass || ' ' || d.objid || ' of the database ' || coalesce(there.datname, '?') END
    FROM pg_shdepend d JOIN pg_roles r ON d.refobjid = r.oid AND d.refclassid = 'pg_authid'::regclass
    JOIN pg_database here ON here.datname = current_database() LEFT JOIN pg_database there ON there.oid = d.dbid
    WHERE d.deptype = 'o' AND rolname = ANY(%(logins)s) ORDER BY 1, 2"""
# Who may only grant a login, or is the rotator itself, gets nothing by it that a rotation could lose.
_FACTS: LiteralString = """
    WITH logins AS (SELECT oid, rolname, rolinherit, rolcreatedb FROM pg_roles WHERE rolname = ANY(%(logins)s)),
    acls(class, id, part, acl) AS (
        SELECT 'pg_class'::regclass, oid, 0, relacl FROM pg_class
        UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, attacl FROM pg_attribute
        UNION ALL SELECT 'pg_proc'::regclass, oid, 0, proacl FROM pg_proc
        UNION ALL SELECT 'pg_namespace'::regclass, oid, 0, nspacl FROM pg_namespace
        UNION ALL SELECT 'pg_type'::regclass, oid, 0, typacl FROM pg_type
        UNION ALL SELECT 'pg_language'::regclass, oid, 0, lanacl FROM pg_language
        UNION ALL SELECT 'pg_largeobject'::regclass, oid, 0, lomacl FROM pg_largeobject_metadata
        UNION ALL SELECT 'pg_foreign_server'::regclass, oid, 0, srvacl FROM pg_foreign_server
        UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwacl FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'pg_default_acl'::regclass, oid, 0, defaclacl FROM pg_default_acl
        UNION ALL SELECT 'pg_database'::regclass, oid, 0, datacl FROM pg_database
        UNION ALL SELECT 'pg_tablespace'::regclass, oid, 0, spcacl FROM pg_tablespace
        UNION ALL SELECT 'pg_parameter_acl'::regclass, oid, 0, paracl FROM pg_parameter_acl)
    SELECT rolname, 'does not inherit' FROM logins WHERE NOT rolinherit
    UNION ALL SELECT rolname, 'may create databases' FROM logins WHERE rolcreatedb
    UNION ALL SELECT rolname, 'is a member of ' || pg_get_userbyid(m.roleid) || ' (' || concat_ws(', ',
            CASE WHEN bool_or(m.inherit_option) THEN 'inherit' END, CASE WHEN bool_or(m.set_option) THEN 'set' END,
            CASE WHEN bool_or(m.admin_option) THEN 'admin' END) || ')'
        FROM logins l JOIN pg_auth_members m ON m.member = l.oid GROUP BY rolname, m.roleid
    UNION ALL SELECT rolname, 'has the member ' || pg_get_userbyid(m.member)
        FROM logins l JOIN pg_auth_members m ON m.roleid = l.oid
        WHERE (m.inherit_option OR m.set_option) AND pg_get_userbyid(m.member) <> current_user
        GROUP BY rolname, m.member
    UNION ALL SELECT rolname, 'has ' || g.privilege_type || CASE WHEN g.is_grantable THEN ' with grant option' ELSE ''
            END || ' on ' || coalesce(pg_describe_object(a.class, a.id, a.part), '?')
        FROM acls a CROSS JOIN LATERAL aclexplode(a.acl) g JOIN logins l ON l.oid = g.grantee
        WHERE a.acl IS NOT NULL
    UNION ALL SELECT rolname, 'is named by ' || CASE WHEN d.dbid = here.oid
            THEN coalesce(pg_describe_object(d.classid, d.objid, d.objsubid), '?')
            ELSE d.classid::regclass || ' ' || d.objid || ' of the database ' || coalesce(there.datname, '?') END
        FROM pg_shdepend d JOIN logins l ON d.refobjid = l.oid AND d.refclassid = 'pg_authid'::regclass
        JOIN pg_database here ON here.datname = current_database() LEFT JOIN pg_database there ON there.oid = d.dbid
        WHERE d.deptype IN ('a', 'r', 'i') AND d.dbid <> 0 AND (d.dbid <> here.oid OR d.deptype = 'r')"""
_SHOWN = 8  # lines that a refusal names


async def drift(connection: "Connection", owner: str, users: tuple[str, str]) -> list[str]:
    """What keeps two logins from being each other's double behind `owner`, a line each; none where they are alike.

    Of the connection's own database all privileges are compared; of the server's other databases, which objects they
    are on. A login that is not there yet counts as what `set` would make. psycopg.Error passes through.
    """
    row = await (await connection.execute(_OWNER, (owner,))).fetchone()
    if row is None:
        return [f"there is no role {owner}"]
    lines = [f"{owner} can log in; ALTER ROLE … NOLOGIN"] if row[0] else []
    names = {"logins": list(users), "roles": [owner, *users]}
    for role, power in await _told(connection, _POWERS, names):
        lines.append(f"{role} has the power of {power}")
    for user, what in await _told(connection, _OWNED, names):
        lines.append(f"{user} itself owns {what}; give it to {owner}")
    there = [str(user) for (user,) in await (await connection.execute(_THERE, names)).fetchall()]
    facts: dict[str, set[str]] = {user: set() for user in there}
    for user, fact in await _told(connection, _FACTS, names):
        facts[user].add(fact)
    return lines + _behind(owner, facts) + _apart(owner, users, facts)


async def refuse_drift(connection: "Connection", owner: str, users: tuple[str, str]) -> None:
    """Raises Refused, naming what drifted."""
    if lines := await drift(connection, owner, users):
        rest = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        raise Refused(f"{' and '.join(users)} are not alike behind {owner}: {'; '.join(lines[:_SHOWN])}{rest}")


_THERE: LiteralString = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(logins)s)"


async def _told(
    connection: "Connection", query: LiteralString, names: dict[str, list[str]]
) -> Sequence[tuple[str, str]]:
    rows = await (await connection.execute(query, names)).fetchall()
    return [(str(user), one_line(printable(str(what)))) for user, what in rows]


def _behind(owner: str, facts: dict[str, set[str]]) -> list[str]:
    """Who may not act as the owner."""
    begins = f"is a member of {owner} ("
    member = {user: next((fact for fact in some if fact.startswith(begins)), "") for user, some in facts.items()}
    return [
        f"{user} may not SET ROLE {owner}; GRANT {owner} TO {user}"
        for user, fact in sorted(member.items())
        if "set" not in fact.removeprefix(begins)
    ]


def _apart(owner: str, users: tuple[str, str], facts: dict[str, set[str]]) -> list[str]:
    if not facts:
        return [f"neither {users[0]} nor {users[1]} is there"]
    one, other = users if users[0] in facts else users[::-1]
    made = {fact for fact in facts[one] if fact == "does not inherit" or fact.startswith(f"is a member of {owner} (")}
    mine, its = facts[one], facts.get(other, made)
    return [f"{one} alone {fact}" for fact in sorted(mine - its)] + [
        f"{other} alone {fact}" for fact in sorted(its - mine)
    ]
