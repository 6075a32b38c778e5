"""What the fake of a CockroachDB knows of restoring a backup: the statements, the job, the databases that come of it.

Sources: https://www.cockroachlabs.com/docs/v24.3/show-backup, restore, show-jobs, cancel-job and drop-database.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from deployments.rehearsal.vendors.cockroach_wire import Answer, Session, SqlError

_COLLECTION = "external://backups"
_SHOWN = {
    "database_name": "TEXT",
    "parent_schema_name": "TEXT",
    "object_name": "TEXT",
    "object_type": "TEXT",
    "end_time": "TIMESTAMP",
    "rows": "INT8",
}
_FORMS = {
    "made": r"SELECT chain FROM tminus_scratch\.public\.made(?: LIMIT 1| WHERE name = '(?P<name>[^']+)')",
    "mark": r"INSERT INTO tminus_scratch\.public\.made \(name, chain\) "
    r"VALUES \('(?P<name>[^']+)', '(?P<chain>[^']+)'\)",
    "unmark": r"DELETE FROM tminus_scratch\.public\.made WHERE name = '(?P<name>[^']+)'",
    "cluster": r"SELECT crdb_internal\.cluster_id\(\)::STRING AS id",
    "listed": r"SELECT (?P<what>[\w, ]+) FROM \[SHOW BACKUP FROM '(?P<path>[^']+)' IN '(?P<place>[^']+)' "
    r"WITH (?P<options>.+)\]",
    "restore": r'RESTORE DATABASE "(?P<database>\w+)" FROM \'(?P<path>[^\']+)\' IN \'(?P<place>[^\']+)\' '
    r"WITH (?P<options>.+)",
    "job": r"SELECT job_id, status FROM \[SHOW JOB (?P<job>\d+)\]",
    "jobs": r"SELECT job_id, status, description FROM \[SHOW JOBS\]",
    "cancel": r"CANCEL JOB (?P<job>\d+)",
    "databases": r"SELECT database_name FROM \[SHOW DATABASES\]",
    "tables": r'SELECT schema_name, table_name, type FROM \[SHOW TABLES FROM "(?P<name>\w+)"\]',
    "count": r'SELECT count\(\*\) AS rows FROM "(?P<name>\w+)"\."(?P<schema>\w+)"\."(?P<table>\w+)"',
    "marker": r"SELECT number, at FROM tminus\.marker ORDER BY number DESC LIMIT 1",
    "inside": r"SET database = '?(?P<name>\w+)'?",
    "read_only": r"SET TRANSACTION READ ONLY",
    "drop": r'DROP DATABASE IF EXISTS "(?P<name>\w+)" CASCADE',
}


@dataclass
class Held:
    """What the backups hold of one database; `rows` are those of each layer, by table, which may be a lie."""

    database: str = "vatic"
    rows: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {"public.orders": (400, 20), "public.accounts": (50, 0), "tminus.marker": (1, 1)}
    )
    restored: dict[str, int] = field(
        default_factory=lambda: {"public.orders": 410, "public.accounts": 50, "tminus.marker": 1}
    )
    ages: tuple[timedelta, ...] = (timedelta(hours=9), timedelta(minutes=20))
    mark: tuple[int, timedelta] | None = (7, timedelta(minutes=21))
    files_missing: bool = False
    kms: str = ""


@dataclass
class Restoring:
    """A job; it runs for so many looks more."""

    name: str
    description: str
    looks: int
    ends: str
    status: str = "running"


@dataclass
class RestoreState:
    """A cluster in which backups may be restored where it is `declared` a scratch.

    Attributes:
        made: the marks of scratch databases: name → chain.
        databases: those that were restored.
        looks: for how many looks a restore runs.
        ends: how it ends.
    """

    cluster_id: str = field(default_factory=lambda: str(uuid4()))
    declared: bool = False
    made: dict[str, str] = field(default_factory=dict)
    held: Held = field(default_factory=Held)
    databases: set[str] = field(default_factory=set)
    jobs: dict[int, Restoring] = field(default_factory=dict)
    looks: int = 1
    ends: str = "succeeded"


Form = Callable[[re.Match[str], Session], Answer]


def restore_forms(state: RestoreState) -> Mapping[re.Pattern[str], Form]:
    """Statement → what it gives."""
    known = _Restores(state)
    return {re.compile(form, re.IGNORECASE): getattr(known, name) for name, form in _FORMS.items()}


class _Restores:
    """Each form's answer; whatever changes something does so only when it is run, and not when it is described."""

    def __init__(self, state: RestoreState) -> None:
        self._state = state

    def made(self, match: re.Match[str], _: Session) -> Answer:
        if not self._state.declared:
            raise SqlError("3D000", 'database "tminus_scratch" does not exist')
        chains = [chain for name, chain in self._state.made.items() if match["name"] in {None, name}]
        return Answer("SELECT", (("chain", "TEXT"),), [[chain] for chain in chains])

    def mark(self, match: re.Match[str], _: Session) -> Answer:
        if match["name"] in self._state.made:
            raise SqlError("23505", "duplicate key value violates unique constraint")
        return Answer("INSERT 0 1", effect=lambda _: self._state.made.update({match["name"]: match["chain"]}))

    def unmark(self, match: re.Match[str], _: Session) -> Answer:
        return Answer("DELETE 1", effect=lambda _: void(self._state.made.pop(match["name"], None)))

    def cluster(self, _: re.Match[str], __: Session) -> Answer:
        return Answer("SELECT", (("id", "TEXT"),), [[self._state.cluster_id]])

    def listed(self, match: re.Match[str], _: Session) -> Answer:
        held = self._readable(match)
        if held.files_missing and "check_files" in match["options"]:
            raise SqlError("XXUUU", "The following files are missing from the backup: data/1.sst")
        moments = [(datetime.now(UTC) - age).replace(tzinfo=None) for age in held.ages]
        rows: list[dict[str, object]] = [
            {"object_name": held.database, "object_type": "database", "end_time": at} for at in moments
        ]
        rows += [
            {
                "database_name": held.database,
                "parent_schema_name": name.partition(".")[0],
                "object_name": name.partition(".")[2],
                "object_type": "table",
                "end_time": at,
                "rows": count,
            }
            for name, counts in held.rows.items()
            for at, count in zip(moments, counts, strict=True)
        ]
        wanted = [one.strip() for one in match["what"].split(",")]
        return Answer(
            "SELECT",
            tuple((name, _SHOWN[name]) for name in wanted),
            [[row.get(name) for name in wanted] for row in rows],
        )

    def restore(self, match: re.Match[str], _: Session) -> Answer:
        held, options = self._readable(match), match["options"]
        named = re.search(r"new_db_name = '([^']+)'", options)
        if match["database"] != held.database:
            raise SqlError("22023", f'failed to resolve targets: database "{match["database"]}" does not exist')
        if named is None or "detached" not in options:
            raise SqlError("42710", f'database "{held.database}" already exists')
        number = 1000 + len(self._state.jobs)

        def begin(_: Session) -> None:
            said = f"RESTORE DATABASE {held.database} FROM … WITH OPTIONS (new_db_name = '{named[1]}')"
            self._state.jobs[number] = Restoring(named[1], said, self._state.looks, self._state.ends)

        return Answer("RESTORE", (("job_id", "INT8"),), [[number]], effect=begin)

    def _readable(self, match: re.Match[str]) -> Held:
        held = self._state.held
        if match["place"] != _COLLECTION:
            raise SqlError("42704", "external connection does not exist")
        if held.kms and f"kms = '{held.kms}'" not in match["options"]:
            raise SqlError("22023", "file appears encrypted -- try specifying one of encryption_passphrase or kms")
        return held

    def job(self, match: re.Match[str], _: Session) -> Answer:
        job = self._state.jobs.get(int(match["job"]))
        if job is None:
            raise SqlError("42704", "job does not exist")

        def look(_: Session) -> None:
            if job.status == "running":
                job.looks -= 1
            if job.status == "running" and job.looks < 0:
                job.status = job.ends
                if job.ends == "succeeded":
                    self._state.databases.add(job.name)

        columns = (("job_id", "INT8"), ("status", "TEXT"))
        return Answer("SELECT", columns, [[int(match["job"]), job.status]], effect=look)

    def jobs(self, _: re.Match[str], __: Session) -> Answer:
        columns = (("job_id", "INT8"), ("status", "TEXT"), ("description", "TEXT"))
        rows = [[number, job.status, job.description] for number, job in self._state.jobs.items()]
        return Answer("SELECT", columns, rows)

    def cancel(self, match: re.Match[str], _: Session) -> Answer:
        job = self._state.jobs[int(match["job"])]
        return Answer("CANCEL JOBS 1", effect=lambda _: setattr(job, "status", "canceled"))

    def databases(self, _: re.Match[str], __: Session) -> Answer:
        names = ["defaultdb", *(["tminus_scratch"] if self._state.declared else []), *sorted(self._state.databases)]
        return Answer("SELECT", (("database_name", "TEXT"),), [[name] for name in names])

    def tables(self, match: re.Match[str], _: Session) -> Answer:
        self._require(match["name"])
        columns = (("schema_name", "TEXT"), ("table_name", "TEXT"), ("type", "TEXT"))
        rows = [[*name.split("."), "table"] for name in self._state.held.restored]
        return Answer("SELECT", columns, rows)

    def count(self, match: re.Match[str], _: Session) -> Answer:
        self._require(match["name"])
        table = f"{match['schema']}.{match['table']}"
        if table not in self._state.held.restored:
            raise SqlError("42P01", f'relation "{table}" does not exist')
        return Answer("SELECT", (("rows", "INT8"),), [[self._state.held.restored[table]]])

    def marker(self, _: re.Match[str], session: Session) -> Answer:
        self._require(session.settings.get("database", "defaultdb"))
        held = self._state.held
        if held.mark is None:
            raise SqlError("42P01", 'relation "tminus.marker" does not exist')
        number, age = held.mark
        return Answer("SELECT", (("number", "INT8"), ("at", "TIMESTAMPTZ")), [[number, datetime.now(UTC) - age]])

    def inside(self, match: re.Match[str], _: Session) -> Answer:
        return Answer("SET", effect=lambda session: session.settings.update(database=match["name"]))

    def read_only(self, _: re.Match[str], __: Session) -> Answer:
        return Answer("SET")

    def drop(self, match: re.Match[str], session: Session) -> Answer:
        name = match["name"]
        if any(job.name == name and job.status == "running" for job in self._state.jobs.values()):
            raise SqlError("55000", f'database "{name}" is offline: restoring')
        if session.settings.get("database") == name:
            raise SqlError("42000", "rejected (sql_safe_updates = true): DROP DATABASE on current database")
        return Answer("DROP DATABASE", effect=lambda _: self._state.databases.discard(name))

    def _require(self, name: str) -> None:
        if name not in self._state.databases:
            raise SqlError("3D000", f'database "{name}" does not exist')


def void(_: object) -> None:
    """For an effect that gives something nobody wants."""
