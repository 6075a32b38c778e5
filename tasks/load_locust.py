"""Locust's CSV files: `NAME_stats.csv`, and `NAME_stats_history.csv` beside it.

See https://docs.locust.io/en/stable/retrieving-stats.html.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from tasks.artifact_files import ArtifactFile, first_mistake
from tasks.load_result import Amount, LoadResult
from tminus.errors import CouldNotObserve

_ROWS = 1_000_000
_T = TypeVar("_T", bound=BaseModel)


def _unless_missing(value: object) -> object:
    return None if value in {"N/A", ""} else value


_Said = Annotated[Amount | None, BeforeValidator(_unless_missing)]


class _Total(BaseModel):
    """The row of `_stats.csv` that sums the others up."""

    requests: Amount = Field(alias="Request Count")
    failures: Amount = Field(alias="Failure Count")
    rate: _Said = Field(alias="Requests/s")
    p50: _Said = Field(alias="50%")
    p95: _Said = Field(alias="95%")
    p99: _Said = Field(alias="99%")


class _Moment(BaseModel):
    """A row of `_stats_history.csv`: who was there at a time."""

    at: Amount = Field(alias="Timestamp")
    users: Amount = Field(alias="User Count")


def read(file: ArtifactFile, history: ArtifactFile | None) -> LoadResult:
    """What the files say; without the history, nothing of users, ramp and duration.

    Raises CouldNotObserve where one is none of Locust's, or no request was made.
    """
    rows = [row for row in _rows(file) if row.get("Name") == "Aggregated" and not row.get("Type")]
    if len(rows) != 1:
        raise CouldNotObserve(f"{file.name} has {len(rows)} rows 'Aggregated' instead of one; is it a _stats.csv?")
    total = _read(_Total, rows[0], file.name)
    if not total.requests:
        raise CouldNotObserve(f"{file.name} says that no request was made")
    if total.failures > total.requests:
        raise CouldNotObserve(f"{file.name} says that {total.failures:g} of {total.requests:g} requests failed")
    result = LoadResult.of(
        file.name,
        requests=total.requests,
        errors=100 * total.failures / total.requests,
        rate=total.rate,
        p50=total.p50,
        p95=total.p95,
        p99=total.p99,
    )
    return result.model_copy(update=_course(history)) if history else result


def history_of(name: str) -> str:
    """The history's name beside a `_stats.csv`."""
    return name.removesuffix(".csv") + "_history.csv"


def _course(history: ArtifactFile) -> dict[str, float | datetime]:
    """Users, ramp and duration; the history has a row a second, so the ramp is known to the second."""
    rows = [row for row in _rows(history) if row.get("Name") == "Aggregated"]
    moments = sorted((_read(_Moment, row, history.name) for row in rows), key=lambda moment: moment.at)
    most = max((moment.users for moment in moments), default=0)
    if not most:
        raise CouldNotObserve(f"{history.name} says that there was never a user")
    idle = [moment.at for moment in moments if not moment.users]
    first = next(moment.at for moment in moments if moment.users)
    began = max((at for at in idle if at < first), default=first)
    full = next(moment.at for moment in moments if moment.users == most)
    last = moments[-1].at
    found: dict[str, float | datetime] = {"users": most, "ramp": full - began, "duration": last - began}
    return {**found, "made": datetime.fromtimestamp(last, UTC)} if last < 1e11 else found  # noqa: PLR2004 - the year 5138


def _rows(file: ArtifactFile) -> Iterator[dict[str, str]]:
    try:
        for number, row in enumerate(csv.DictReader(file.text().splitlines(), strict=True)):
            if number > _ROWS:
                raise CouldNotObserve(f"{file.name} has over {_ROWS} rows, and is not read")
            yield {name: value for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
    except csv.Error as e:
        raise CouldNotObserve(f"{file.name} is no CSV that can be read") from e


def _read(model: type[_T], row: dict[str, str], name: str) -> _T:
    try:
        return TypeAdapter(model).validate_python(row)
    except ValidationError as e:
        raise CouldNotObserve(f"{name} is none of Locust's files: {first_mistake(e)}") from e
