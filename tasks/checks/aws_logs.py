"""CloudWatch Logs: are the groups there and kept long enough, what are their lines like, can they be searched?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks import aws_logs
from tasks.aws_check import FOREVER, NEVER, AwsCheck, absent, in_words, minutes, yes
from tasks.aws_client import AwsService, age, aws_service
from tasks.aws_errors import NotThere
from tasks.aws_logs import Group
from tasks.estate import Estate
from tasks.log_traits import Traits, traits
from tasks.personal_data import Sort
from tminus.clock import Duration
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
_GroupName = Annotated[str, Field(min_length=1, max_length=512)]
_ALL_SORTS: tuple[Sort, ...] = ("email", "card", "phone", "iban")


class LogGroups(AwsCheck, frozen=True):
    """Whether log groups are there, are kept, are encrypted, and are written to.

    `present`: those that are there; that all are, is expected also where the book does not say so. `retention`: for how
    many days the one that is kept shortest is kept; a hundred years for one that never expires. `encrypted`: those with
    a KMS key of one's own. `newest`: how long ago the newest line was written, of the group where that is longest; a
    hundred years for one without a line.

    Attributes:
        groups: their names.
    """

    expects: ClassVar[dict[str, str]] = {"present": "= all"}
    measures: ClassVar[Mapping[str, str]] = {
        "present": "",
        "retention": "d",
        "expires": "d",
        "encrypted": "",
        "newest": "min",
    }

    kind: Literal["aws.log_groups"] = "aws.log_groups"
    groups: tuple[_GroupName, ...] = Field(min_length=1)

    def seen(self, estate: Estate) -> Observation:
        """Looks for each group, and asks for its newest line where that is expected."""
        logs = aws_service(estate, "logs")
        found = {name: aws_logs.group(logs, name) for name in self.groups}
        there = [one for one in found.values() if one is not None]
        quiet = {one.log_group_name: self._quiet(logs, one) for one in there} if "newest" in self.expect else {}
        measured = [
            Measurement.number("present", len(there), of=len(found)),
            Measurement.number("encrypted", sum(bool(one.kms_key_id) for one in there), of=len(found)),
        ]
        if there:
            measured.append(Measurement.number("retention", min(_days(one) for one in there), "d"))
            measured.append(Measurement.number("expires", max(_days(one) for one in there), "d"))
        if quiet:
            measured.append(Measurement.number("newest", minutes(max(quiet.values())), "min"))
        lines = {name: _line(name, one, quiet.get(name)) for name, one in found.items()}
        wrong = {
            name for name, one in found.items() if one is None or not (one.kms_key_id or "encrypted" not in self.expect)
        }
        return Observation(
            found=tuple(measured),
            where=logs.where,
            details=tuple([*lines.values()][:_SHOWN]),
            because=in_words(
                [line for name, line in lines.items() if name in (wrong or self._outermost(there, quiet))]
            ),
        )

    def _outermost(self, there: list[Group], quiet: Mapping[str, timedelta]) -> set[str]:
        """The groups that the extremes are of, where these are expected."""
        least, most = min(there, key=_days), max(there, key=_days)
        named = {"retention": least.log_group_name, "expires": most.log_group_name}
        if quiet:
            named["newest"] = max(quiet, key=lambda name: quiet[name])
        return {name for measured, name in named.items() if measured in self.expect}

    def _quiet(self, logs: AwsService, one: Group) -> timedelta:
        newest = aws_logs.newest(logs, one.log_group_name)
        return NEVER if newest is None else age(newest, logs.where)


def _days(one: Group) -> int:
    return FOREVER if one.retention_in_days is None else one.retention_in_days


def _line(name: str, one: Group | None, quiet: timedelta | None) -> str:
    if one is None:
        return f"{name}: not there"
    said = [f"kept {one.retention_in_days} d" if one.retention_in_days is not None else "kept for ever"]
    said += ["encrypted with an own key" if one.kms_key_id else "without a key of its own"]
    if quiet is not None:
        said += ["no line at all" if quiet == NEVER else f"newest line {round(minutes(quiet), 1)} min ago"]
    return f"{name}: {', '.join(said)}"


class LogLines(AwsCheck, frozen=True):
    """What the newest lines of a log group are like. No line and no part of one enters the evidence.

    `lines`: how many were looked at; at least one is expected also where the book does not say so. Of these:
    `structured`: JSON objects. `correlated`: those that name their trace, request or correlation id, under any of the
    usual names. `levelled`: those with a level that is known, from trace to fatal. `debug`: the share with level debug
    or below. `unmasked`: lines in which personal data stands in clear: an e-mail address; a number that begins and ends
    as a payment card's; a phone number with `+` and country code; an IBAN whose check digits are right.

    Attributes:
        group: the log group's name.
        sample: how many lines are looked at, spread over the streams that were written to last.
        within: how old a line may be.
        pii: the sorts of personal data that are looked for.
    """

    expects: ClassVar[dict[str, str]] = {"present": "= yes", "lines": ">= 1"}
    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "lines": "",
        "structured": "",
        "correlated": "",
        "levelled": "",
        "debug": "%",
        "unmasked": "",
    }

    kind: Literal["aws.log_lines"] = "aws.log_lines"
    group: _GroupName
    sample: Annotated[int, Field(ge=1, le=10_000)] = 200
    within: Duration = timedelta(hours=24)
    pii: tuple[Sort, ...] = Field(default=_ALL_SORTS, min_length=1)

    def seen(self, estate: Estate) -> Observation:
        """Reads the newest lines and keeps their traits."""
        logs = aws_service(estate, "logs")
        where = f"{self.group}, {logs.where}"
        try:
            events = aws_logs.sample(logs, self.group, self.sample, self.within)
        except NotThere:
            return absent(f"log group {self.group}", where)
        lines = [traits(event.message, self.pii) for event in events]
        total = len(lines)
        found = [
            yes("present", True),
            Measurement.number("lines", total),
            Measurement.number("structured", sum(line.structured for line in lines), of=total),
            Measurement.number("correlated", sum(line.correlated for line in lines), of=total),
            Measurement.number("levelled", sum(bool(line.level) for line in lines), of=total),
            Measurement.number("unmasked", sum(bool(line.unmasked) for line in lines)),
        ]
        if total:
            found.append(Measurement.number("debug", 100 * sum(line.debug for line in lines) / total, "%"))
        because = [] if total else [f"no line of {self.group} is young enough"]
        return Observation(
            found=tuple(found),
            where=where,
            details=_unmasked_lines(lines),
            because=in_words([*because, *_sorts(lines)]),
        )


def _sorts(lines: Sequence[Traits]) -> list[str]:
    counted = Counter(sort for line in lines for sort in line.unmasked)
    return [f"lines with {sort} in clear: {count}" for sort, count in sorted(counted.items())]


def _unmasked_lines(lines: Sequence[Traits]) -> tuple[str, ...]:
    """The signatures' fingerprints of lines with personal data, the most frequent first."""
    counted = Counter((line.fingerprint, ", ".join(sorted(line.unmasked))) for line in lines if line.unmasked)
    return tuple(f"{name}, lines: {count}, in clear: {sorts}" for (name, sorts), count in counted.most_common(_SHOWN))


class LogSearch(AwsCheck, frozen=True):
    """Whether the lines of a log group can be searched, and how many match.

    `found`: how many lines match (at most about ten thousand are counted). `took`: how long the whole search took. A
    search that takes longer than a minute is not waited for.

    Attributes:
        group: the log group's name.
        pattern: CloudWatch's filter pattern, such as `"payment failed"` with its quotation marks, or `{ $.id = "42" }`.
        within: how far back is searched.
    """

    measures: ClassVar[Mapping[str, str]] = {"present": "word", "found": "", "took": "ms"}

    kind: Literal["aws.log_search"] = "aws.log_search"
    group: _GroupName
    pattern: Annotated[str, Field(min_length=1, max_length=1024)]
    within: Duration = timedelta(hours=24)

    def seen(self, estate: Estate) -> Observation:
        """One search, over all its pages."""
        logs = aws_service(estate, "logs")
        where = f"{self.group}, {logs.where}"
        try:
            result = aws_logs.search(logs, self.group, self.pattern, self.within)
        except NotThere:
            return absent(f"log group {self.group}", where)
        return Observation(
            found=(
                yes("present", True),
                Measurement.number("found", result.found),
                Measurement.number("took", round(result.seconds * 1000, 1), "ms"),
            ),
            where=where,
            because="" if result.found else "no line matches",
        )
