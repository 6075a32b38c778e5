"""The backup schedules of a CockroachDB, the jobs that they began, and what lies in their collections."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, Field

from tasks.cockroach_recurrence import longest_gap
from tasks.cockroach_rows import rows_of
from tasks.cockroach_target import Target, target_of
from tasks.sql_tokens import Token, tokens
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from tasks.cockroach_rows import Connection

_MOST = 50  # schedules; each costs a query
_ENCRYPTS = {"KMS", "ENCRYPTION_PASSPHRASE"}
_FAILED = {"failed", "canceled", "revert-failed"}


def _utc(at: datetime) -> datetime:
    """CockroachDB before 23.1 gives times without a zone, which are in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_utc)]


class Schedule(BaseModel, frozen=True):
    """One backup schedule; `command` is the BACKUP statement, which may hold credentials: never evidence."""

    id: int
    label: str
    schedule_status: str
    recurrence: str
    command: str = Field(repr=False)

    @property
    def active(self) -> bool:
        """Whether it runs."""
        return self.schedule_status == "ACTIVE"

    @property
    def encrypts(self) -> bool:
        """Whether its backups are encrypted by CockroachDB, with a key or a passphrase of ours."""
        words = {token.text.strip('"').upper() for token in self._tokens() if token.kind in {"word", "name"}}
        return bool(words & _ENCRYPTS)

    @property
    def incremental(self) -> bool:
        """Whether it adds to the latest full backup."""
        words = [token.text for token in self._tokens()]
        return ("INTO", "LATEST") in pairwise(words)

    @property
    def target(self) -> Target:
        """What it backs up; raises CouldNotObserve where the command is no BACKUP."""
        try:
            return target_of(self._tokens())
        except ValueError as e:
            raise CouldNotObserve(f"schedule {self.label[:60]!r} has a command that is no BACKUP") from e

    @property
    def place(self) -> str:
        """The collection as the statement names it, which may hold credentials: never evidence."""
        return next((token.text for token in self._tokens() if token.kind == "string"), "")

    @property
    def collection(self) -> str | None:
        """Where its backups lie; None where the statement does not say so any more, since its keys are redacted."""
        place = self.place
        uri = place[1:-1].replace("''", "'") if place.startswith("'") else ""
        return uri if uri and "redacted" not in uri else None

    def gap(self) -> timedelta:
        """The longest time between two of its runs; raises CouldNotObserve."""
        try:
            return longest_gap(self.recurrence)
        except ValueError as e:
            raise CouldNotObserve(f"schedule {self.label[:60]!r}: {e}") from e

    def _tokens(self) -> list[Token]:
        try:
            return list(tokens(self.command))
        except ValueError as e:
            raise CouldNotObserve(f"schedule {self.label[:60]!r} has a command that is no statement") from e


class Job(BaseModel, frozen=True):
    """One backup that a schedule began."""

    status: str
    created: Time

    @property
    def succeeded(self) -> bool:
        """Whether there is a backup for it."""
        return self.status == "succeeded"

    @property
    def failed(self) -> bool:
        """Whether there is none, and none will come of it."""
        return self.status in _FAILED


class _Path(BaseModel, frozen=True):
    path: str


async def schedules(connection: "Connection", label: str | None, database: str | None = None) -> list[Schedule]:
    """The backup schedules, of that label, and that cover a database, where one is named; raises CouldNotObserve."""
    found = await rows_of(
        connection,
        Schedule,
        "SELECT id, label, schedule_status, recurrence, command FROM [SHOW SCHEDULES FOR BACKUP]",
    )
    labelled = [one for one in found if label in {None, one.label}]
    chosen = [one for one in labelled if database is None or one.target.covers(database)]
    if len(chosen) > _MOST:
        raise CouldNotObserve(f"{len(chosen)} backup schedules, and at most {_MOST} are looked at; name one")
    return chosen


async def jobs(connection: "Connection", schedule: Schedule) -> list[Job]:
    """What the schedule began, as far back as the cluster keeps it (14 days, unless told otherwise)."""
    from psycopg.sql import SQL, Literal

    query = SQL("SELECT status, created FROM [SHOW JOBS FOR SCHEDULE {}]").format(Literal(schedule.id))
    return await rows_of(connection, Job, query)


async def full_backups(connection: "Connection", collection: str) -> list[datetime]:
    """When the full backups in a collection were taken, by their paths; raises CouldNotObserve."""
    from psycopg.sql import SQL, Literal

    query = SQL("SELECT path FROM [SHOW BACKUPS IN {}]").format(Literal(collection))
    return [_taken(row.path) for row in await rows_of(connection, _Path, query)]


def _taken(path: str) -> datetime:
    """`/2026/11/20-113000.48` is a backup of that time, in UTC."""
    try:
        return datetime.strptime(path.partition(".")[0], "/%Y/%m/%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError as e:
        raise CouldNotObserve(f"a backup's path is no time: {path[:40]!r}") from e
