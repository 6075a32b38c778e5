"""How old a system's secrets are, held against the book that says how old each may grow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.aws_check import AwsCheck, days, in_words
from tasks.aws_client import age
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tasks.rotators.vocabulary import ROTATORS
from tasks.secret_versions import SecretVersions
from tminus.clock import show_duration
from tminus.errors import BookError, CouldNotObserve, UsageError
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.rotations.book import FILE, Policy, SecretsBook, load_book
from tminus.runbook import Slug
from tminus.yaml_source import Source

_SHOWN = 20  # lines in the details


@dataclass(frozen=True)
class _Seen:
    """A secret by its name in the book.

    Attributes:
        policy: what the book says of it; None where it says nothing.
        age: of its current value; None where there is none.
        lacks: why there is none.
    """

    name: str
    policy: Policy | None
    age: timedelta | None = None
    lacks: str = ""

    @property
    def overdue(self) -> bool:
        return self.policy is not None and self.age is not None and self.age > self.policy.every

    def line(self) -> str:
        if self.policy is None:
            return f"{self.name}: {FILE} says nothing of it"
        if self.age is None:
            return f"{self.name}: {self.lacks}"
        return f"{self.name}: of {days(self.age):.1f} d ago, may be {show_duration(self.policy.every)} old"


class SecretAge(AwsCheck, frozen=True):
    """How old the current values of a system's secrets are, against what its book of secrets allows each.

    The book is `SYSTEM/secrets.yaml` in the environment's `runbooks` folder. The age counts from when the version with
    the stage AWSCURRENT was made; no value is read. `present`: those that the book knows and that have a current value.
    `overdue`: those older than their `every`. That all are present and none is overdue is expected also where the
    checklist does not say so. `oldest` is the oldest of all. Where one of them cannot be looked at, nothing is told.

    Attributes:
        secrets: their names in the book, or `all` that it knows.
        system: whose book that is; by default the system that is looked at.
    """

    expects: ClassVar[dict[str, str]] = {"present": "= all", "overdue": "= 0"}
    measures: ClassVar[Mapping[str, str]] = {"present": "", "overdue": "", "oldest": "d"}

    kind: Literal["secret.age"] = "secret.age"
    secrets: Literal["all"] | Annotated[tuple[Slug, ...], Field(min_length=1)] = "all"
    system: Slug | None = None

    def seen(self, estate: Estate) -> Observation:
        """Reads the book, and asks about each of them by its name."""
        book = _book(estate, self.system or estate.release.system)
        names = list(book.rotations) if self.secrets == "all" else self.secrets
        seen = [_looked_at(estate, name, book.rotations.get(name)) for name in names]
        ages = {one.name: one.age for one in seen if one.age is not None}
        found = [
            Measurement.number("present", len(ages), of=len(seen)),
            Measurement.number("overdue", sum(one.overdue for one in seen), of=len(seen)),
        ]
        if ages:
            found.append(Measurement.number("oldest", days(max(ages.values())), "d"))
        oldest = [one for one in seen if ages and one.age == max(ages.values())]
        wrong = [one for one in seen if one.age is None or one.overdue] or oldest
        return Observation(
            found=tuple(found),
            where=f"{book.secrets}'s {FILE} and Secrets Manager",
            details=tuple([one.line() for one in seen][:_SHOWN]),
            because=in_words([one.line() for one in wrong]),
        )


def _book(estate: Estate, system: str) -> SecretsBook:
    """The system's book; raises NotConfigured where the environment names no folder, CouldNotObserve."""
    path = estate.runbooks() / system / FILE
    try:
        return load_book(Source.read(path), ROTATORS)
    except BookError as e:
        mistake = e.mistakes[0]
        raise CouldNotObserve(f"{system}/{FILE}, line {mistake.line}: {mistake.where} {mistake.what}") from e
    except UsageError as e:
        raise CouldNotObserve(f"the book of secrets: {e}") from e


def _looked_at(estate: Estate, name: str, policy: Policy | None) -> _Seen:
    if policy is None:
        return _Seen(name, None)
    try:
        since = SecretVersions.open(estate, policy.secret).current_since()
    except NotThere as e:
        return _Seen(name, policy, lacks=str(e))
    if since is None:
        return _Seen(name, policy, lacks=f"{policy.secret} has no current value")
    return _Seen(name, policy, age(since, policy.secret))
