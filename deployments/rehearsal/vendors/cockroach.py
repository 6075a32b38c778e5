"""A fake of CockroachDB, for want of its binary here: it answers the statements by which a cluster is looked at."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from deployments.rehearsal.vendors.cockroach_catalogue import (
    BACKUPS,
    JOBS,
    ROLES,
    SCHEDULES,
    SESSIONS,
    TABLES,
    ZONES,
    Columns,
)
from deployments.rehearsal.vendors.cockroach_restores import restore_forms
from deployments.rehearsal.vendors.cockroach_roles import role_forms
from deployments.rehearsal.vendors.cockroach_state import BUILD, ClusterState, Row
from deployments.rehearsal.vendors.cockroach_wire import Answer, Session, SqlError, serving

_PARAMETERS = {
    "server_version": "13.0.0",
    "crdb_version": f"CockroachDB CCL {BUILD} (a fake)",
    "client_encoding": "UTF8",
    "server_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}
_SELECT = re.compile(r"SELECT (?P<what>.+?) FROM (?P<source>\[SHOW .+\]|[a-z_]+\.[a-z_]+)", re.IGNORECASE)
_SHOWN = re.compile(
    r"""SHOW\ (?:(?P<zones>ALL\ ZONE\ CONFIGURATIONS|ZONE\ CONFIGURATIONS)
        |(?P<roles>ROLES)
        |(?P<sessions>CLUSTER\ SESSIONS)
        |(?P<schedules>SCHEDULES\ FOR\ BACKUP)
        |JOBS\ FOR\ SCHEDULE\ (?P<schedule>\d+)
        |BACKUPS\ IN\ '(?P<collection>[^']+)')""",
    re.IGNORECASE | re.VERBOSE,
)
_CLUSTER_SETTING = re.compile(r"SHOW CLUSTER SETTING (?P<name>[\w.]+)", re.IGNORECASE)
_VARIABLE = re.compile(r"SHOW (?P<name>\w+)", re.IGNORECASE)
_SET = re.compile(r"SET (?:LOCAL |SESSION )?(?P<name>\w+) ?(?:=|TO) ?'?(?P<value>[^']*)'?", re.IGNORECASE)
_TRANSACTION = re.compile(r"(?P<word>BEGIN|COMMIT|ROLLBACK)( TRANSACTION)?( READ ONLY| READ WRITE)?", re.IGNORECASE)
_PAST = re.compile(r"SET TRANSACTION AS OF SYSTEM TIME '-(?P<ago>[\d.]+)s'", re.IGNORECASE)
_OF_THE_PAST = re.compile(r" AS OF SYSTEM TIME ", re.IGNORECASE)
_EXPRESSION = re.compile(
    r"(?P<column>\w+)(?: ?->> ?'(?P<key>[^']+)')?(?: ?:: ?(?P<cast>\w+))?(?: AS (?P<name>\w+))?", re.IGNORECASE
)
_CASTS = {"INT": "INT8", "STRING": "TEXT", "DECIMAL": "NUMERIC"}
_INTERNALS = re.compile(r"\b(crdb_internal|system)\.", re.IGNORECASE)
_UNSAFE = "allow_unsafe_internals"
_RESTRICTED = (
    "Access to crdb_internal and system is restricted.",
    "These interfaces are unsupported in production. To proceed, set the session variable allow_unsafe_internals = on.",
)


class CockroachFake:
    """A fake of a CockroachDB cluster of one SQL port.

    It knows transactions, SET and SHOW of variables and cluster settings, the tables and SHOW statements of
    `cockroach_catalogue`, whole or with a list of columns, and the statements that were registered in
    `state.queries`. Everything else is a syntax error, as is a misspelt one.
    """

    def __init__(self, state: ClusterState | None = None) -> None:
        self.state = state or ClusterState()

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Its connection string, while it is served."""
        with serving(self.means, _PARAMETERS, self.state.roles.door) as port:
            yield f"postgresql://tminus@127.0.0.1:{port}/vatic?sslmode=disable"

    def gives(self, query: str, value: object) -> None:
        """Registers a statement with the value it gives, its rows (a list of tuples; None is NULL), or its SqlError."""
        self.state.queries[_plain(query)] = value

    def means(self, sql: str, session: Session) -> Answer:
        """What a statement gives; raises SqlError."""
        text = _plain(sql)
        if session.status == "T" and _OF_THE_PAST.search(text) and not _PAST.fullmatch(text):
            raise SqlError("42601", "inconsistent AS OF SYSTEM TIME timestamp", "try SET TRANSACTION AS OF SYSTEM TIME")
        if text in self.state.queries:
            self._allow(text, session)
            return _of_value(self.state.queries[text], session)
        for form, meant in self._all_forms().items():
            if match := form.fullmatch(text):
                return meant(match, session)
        raise SqlError("42601", f'at or near "{text[:20]}": syntax error')

    def _all_forms(self) -> Mapping[re.Pattern[str], Callable[[re.Match[str], Session], Answer]]:
        return {**restore_forms(self.state.restores), **role_forms(self.state.roles), **self._forms()}

    def _forms(self) -> Mapping[re.Pattern[str], Callable[[re.Match[str], Session], Answer]]:
        return {
            _TRANSACTION: _transaction,
            _PAST: _past,
            _SET: self._set,
            _SELECT: self._select,
            _SHOWN: lambda match, _: self._columns("*", *self._shown(match)),
            _CLUSTER_SETTING: lambda match, _: _setting(match["name"], self.state.settings),
            _VARIABLE: self._variable,
        }

    def _variable(self, match: re.Match[str], session: Session) -> Answer:
        return _setting(match["name"].lower(), {**self.state.variables, **session.settings})

    def _set(self, match: re.Match[str], _: Session) -> Answer:
        name, value = match["name"].lower(), match["value"]
        if name not in {*self.state.variables, _UNSAFE, "application_name", "intervalstyle", "datestyle"}:
            raise SqlError("42704", f'unrecognized configuration parameter "{name}"')
        return Answer("SET", effect=lambda session: session.settings.update({name: value}))

    def _select(self, match: re.Match[str], session: Session) -> Answer:
        source = match["source"]
        if source.startswith("["):
            shown = _SHOWN.fullmatch(source[1:-1])
            if shown is None:
                raise SqlError("42601", f'at or near "{source[1:20]}": syntax error')
            return self._columns(match["what"], *self._shown(shown))
        if source.lower() not in TABLES:
            raise SqlError("42P01", f'relation "{source}" does not exist')
        self._allow(source, session)
        return self._columns(match["what"], TABLES[source.lower()], self._table(source.lower()))

    def _allow(self, text: str, session: Session) -> None:
        inside = _INTERNALS.search(text) is not None
        if inside and self.state.restricted and session.settings.get(_UNSAFE) not in {"true", "on"}:
            raise SqlError("42501", *_RESTRICTED)

    def _table(self, name: str) -> list[Row]:
        return {
            "crdb_internal.gossip_nodes": self.state.gossip_nodes,
            "crdb_internal.gossip_liveness": self.state.gossip_liveness,
            "crdb_internal.kv_store_status": self.state.store_status,
        }[name]()

    def _shown(self, match: re.Match[str]) -> tuple[Columns, list[Row]]:
        if match["zones"]:
            return ZONES, self.state.zones()
        if match["roles"]:
            return ROLES, self.state.roles.role_rows()
        if match["sessions"]:
            return SESSIONS, self.state.roles.session_rows()
        if match["schedules"]:
            return SCHEDULES, self.state.schedule_rows()
        if match["schedule"]:
            return JOBS, self.state.job_rows(int(match["schedule"]))
        found = self.state.backup_rows(match["collection"])
        if found is None:
            raise SqlError("42704", "external connection does not exist")
        return BACKUPS, found

    def _columns(self, what: str, columns: Columns, rows: list[Row]) -> Answer:
        """Those columns of the rows that a statement names."""
        if what.strip() == "*":
            return Answer("SELECT", tuple(columns.items()), [[row.get(name) for name in columns] for row in rows])
        wanted = [_wanted(one.strip(), columns) for one in what.split(",")]
        named = tuple((name, kind) for name, kind, _, _ in wanted)
        return Answer(
            "SELECT", named, [[_inside(row.get(column), key) for _, _, column, key in wanted] for row in rows]
        )


def _plain(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ")


def _transaction(match: re.Match[str], _: Session) -> Answer:
    word = match["word"].upper()

    def effect(session: Session) -> None:
        session.status = "T" if word == "BEGIN" else "I"

    return Answer(word, effect=effect)


def _past(match: re.Match[str], session: Session) -> Answer:
    if session.status != "T":
        raise SqlError("25P01", "there is no transaction in progress")
    return Answer("SET", effect=lambda session: session.settings.update(as_of=match["ago"]))


def _setting(name: str, known: Mapping[str, str]) -> Answer:
    if name not in known:
        raise SqlError("42704", f'unrecognized configuration parameter "{name}"')
    return Answer("SHOW", ((name, "TEXT"),), [[known[name]]])


def _wanted(expression: str, columns: Columns) -> tuple[str, str, str, str | None]:
    """Its name and type, the column it is made of, and the key inside where it is a document."""
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        raise SqlError("42601", f'at or near "{expression[:20]}": syntax error')
    column, key = match["column"], match["key"]
    if column not in columns:
        raise SqlError("42703", f'column "{column}" does not exist')
    if key and columns[column] != "JSONB":
        raise SqlError("22023", f"unsupported binary operator: <{columns[column]}> ->> <string>")
    cast = (match["cast"] or "").upper()
    kind = _CASTS.get(cast, cast) or ("TEXT" if key else columns[column])
    return match["name"] or ("?column?" if key else column), kind, column, key


def _inside(value: object, key: str | None) -> object:
    return value.get(key) if key and isinstance(value, dict) else value


def _of_value(value: object, session: Session) -> Answer:
    """A registered value: one row of one column, or a list of rows; an error is raised."""
    if isinstance(value, SqlError):
        raise SqlError(value.code, f"user {session.user}: {value.message}")
    rows: Sequence[Sequence[object]] = value if isinstance(value, list) else [(value,)]
    width = len(rows[0]) if rows else 1
    kinds = [next((_kind(row[at]) for row in rows if row[at] is not None), "TEXT") for at in range(width)]
    return Answer("SELECT", tuple((f"column{at + 1}", kind) for at, kind in enumerate(kinds)), rows)


def _kind(value: object) -> str:
    known: Mapping[type, str] = {
        bool: "BOOL",
        int: "INT8",
        float: "FLOAT8",
        Decimal: "NUMERIC",
        datetime: "TIMESTAMPTZ",
        timedelta: "INTERVAL",
        dict: "JSONB",
    }
    return known.get(type(value), "TEXT")
