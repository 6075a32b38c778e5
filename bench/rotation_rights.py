"""What logins may do, asked of PostgreSQL and Redis by code that is not the product's: the same before and after.

Effective rights (whichever way they came), memberships with their options, attributes, settings of the role, and who
owns what. A login is called `it`, so that those of either half of a pair compare.
"""

from collections import Counter
from collections.abc import Mapping

from psycopg import Connection
from psycopg.rows import TupleRow

from bench.rotation_place import Place

Rights = Counter[str]
_ASKED = {
    "may": """
        SELECT right_ || ' ' || what FROM (
            SELECT p AS right_, c.oid::regclass::text AS what FROM pg_class c
                JOIN pg_namespace n ON n.oid = relnamespace,
                unnest(array['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','REFERENCES','TRIGGER']) p
                WHERE relkind = 'r' AND nspname !~ '^pg_|^information_schema' AND has_table_privilege(%(it)s, c.oid, p)
            UNION ALL
            SELECT p, a.attrelid::regclass || '.' || attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
                JOIN pg_namespace n ON n.oid = relnamespace, unnest(array['SELECT','INSERT','UPDATE']) p
                WHERE relkind = 'r' AND attnum > 0 AND nspname !~ '^pg_|^information_schema'
                AND has_column_privilege(%(it)s, c.oid, attnum, p)
            UNION ALL
            SELECT p, c.oid::regclass::text FROM pg_class c, unnest(array['USAGE','SELECT','UPDATE']) p
                WHERE relkind = 'S' AND has_sequence_privilege(%(it)s, c.oid, p)
            UNION ALL
            SELECT p, nspname FROM pg_namespace, unnest(array['USAGE','CREATE']) p
                WHERE nspname !~ '^pg_(toast|temp)' AND has_schema_privilege(%(it)s, oid, p)
            UNION ALL
            SELECT 'EXECUTE', p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
                WHERE nspname !~ '^pg_|^information_schema' AND has_function_privilege(%(it)s, p.oid, 'EXECUTE')
            UNION ALL
            SELECT p, datname FROM pg_database, unnest(array['CREATE','CONNECT','TEMP']) p
                WHERE has_database_privilege(%(it)s, oid, p)
        ) AS found""",
    "is in": """
        SELECT format('%%s (admin %%s, inherit %%s, set %%s)',
            roleid::regrole, admin_option, inherit_option, set_option)
        FROM pg_auth_members WHERE member = %(it)s::regrole""",
    "is": """
        SELECT format('super %%s, inherit %%s, roles %%s, databases %%s, replication %%s, bypass %%s, limit %%s',
            rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit)
        FROM pg_roles WHERE rolname = %(it)s""",
    "has set": """
        SELECT format('%%s in %%s', setting, coalesce(datname, 'every database'))
        FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) setting
        WHERE setrole = %(it)s::regrole""",
}
_OWNED = """
    SELECT format('%s owns %s', relowner::regrole, oid::regclass) FROM pg_class WHERE relnamespace IN
        (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema')
    UNION ALL SELECT format('%s owns schema %s', nspowner::regrole, nspname) FROM pg_namespace
    UNION ALL SELECT format('%s owns %s', proowner::regrole, oid::regprocedure) FROM pg_proc WHERE pronamespace IN
        (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema')
    UNION ALL SELECT format('%s grants by default %s', defaclrole::regrole, defaclacl) FROM pg_default_acl
    UNION ALL SELECT format('%s may by itself: %s', oid::regclass, relacl) FROM pg_class WHERE relacl IS NOT NULL
        AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema')
"""


def rights_of(connection: "Connection[TupleRow]", login: str) -> Rights:
    """Everything that a login of PostgreSQL may do and is."""
    return Counter(
        f"it {how} {row[0]}"
        for how, query in _ASKED.items()
        for row in connection.execute(query.encode(), {"it": login}).fetchall()
    )


def all_rights(at: Place, logins: Mapping[str, str], users: Mapping[str, str]) -> dict[str, Rights]:
    """The rights of every secret's login, by the secret, and of everything in the database who owns it.

    Args:
        at: where.
        logins: who logs in to PostgreSQL with each secret.
        users: who does to Redis.
    """
    with at.superuser() as connection:
        rights = {secret: rights_of(connection, login) for secret, login in logins.items()}
        rights["the database"] = Counter(str(row[0]) for row in connection.execute(_OWNED).fetchall())
    with at.redis_admin() as redis:
        for secret, user in users.items():
            found = redis.acl_getuser(user)
            rights[secret] = Counter(f"{name}: {found[name]}" for name in sorted(found) if name != "passwords")
    return rights


def lost(before: Mapping[str, Rights], after: Mapping[str, Rights]) -> list[str]:
    """What was there before, and is not any more; and what is there now, and was not."""
    gone = [f"{name}: no longer {one}" for name in before for one in (before[name] - after[name]).elements()]
    return gone + [f"{name}: suddenly {one}" for name in after for one in (after[name] - before[name]).elements()]
