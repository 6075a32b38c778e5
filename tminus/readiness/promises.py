"""What lines promise about the same thing, by name, and where two promises cannot both be kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydantic import JsonValue

from tminus.errors import UsageError
from tminus.quantity import Quantity
from tminus.readiness.book import Checklist, Line
from tminus.wording import nearest

MONTH = Fraction(365 * 24 * 60, 12)  # minutes; of these 0.1 % are 43.8 min, as the checklist has it
UNITS: Mapping[str, str] = {
    "rpo": "min",
    "rto": "min",
    "backup_every": "min",
    "incremental_every": "min",
    "uptime": "%",
    "error_rate": "%",
    "error_alert": "%",
    "p99": "ms",
    "p99_alert": "ms",
    "replication": "",
    "nodes": "",
    "backup_retention": "d",
    "trace_retention": "d",
    "log_retention": "d",
    "metric_retention": "d",
}
"""Promise → the unit that it is held in."""
_SAME_EVERYWHERE = ("backup_retention", "trace_retention", "log_retention", "metric_retention", "rpo", "rto")


@dataclass(frozen=True)
class Contradiction:
    """Promises that cannot all be kept.

    Attributes:
        refs: the lines that make them.
        why: in one sentence, with the numbers.
    """

    refs: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class _Made:
    line: Line
    value: Fraction
    said: str


def unknown_promises(raw: JsonValue) -> list[str]:
    """What is wrong with a line's `promises`, in words."""
    if not isinstance(raw, dict):
        return []
    found = []
    for name, text in raw.items():
        if name not in UNITS:
            found.append(f"unknown promise {name!r}{nearest(name, list(UNITS))}")
        else:
            try:
                _value(name, str(text))
            except UsageError as e:
                found.append(f"{name}: {e}")
    return found


def contradictions(checklist: Checklist) -> list[Contradiction]:
    """What cannot all be kept: each reason once, with every line that has a part in it."""
    made: dict[str, list[_Made]] = {name: [] for name in UNITS}
    for line in checklist.lines():
        for name, text in line.promises.items():
            made[name].append(_Made(line, _value(name, text), text))
    found = [one for rule in _RULES for one in rule(made)]
    found += [one for name in _SAME_EVERYWHERE for one in _differ(name, made[name])]
    refs: dict[str, dict[str, None]] = {}
    for one in found:
        refs.setdefault(one.why, {}).update(dict.fromkeys(one.refs))
    return [Contradiction(tuple(lines), why) for why, lines in refs.items()]


def _value(name: str, text: str) -> Fraction:
    quantity = Quantity.parse(text)
    if not quantity.fits(UNITS[name]):
        raise UsageError(f"{text!r} is not in {UNITS[name] or 'plain numbers'}")
    return quantity.exactly(UNITS[name])


def _differ(name: str, made: Sequence[_Made]) -> list[Contradiction]:
    spoken = name.replace("_", " ")
    return [
        Contradiction(
            (one.line.ref, other.line.ref), f"two lines promise another {spoken}: {one.said} and {other.said}"
        )
        for place, one in enumerate(made)
        for other in made[place + 1 :]
        if one.value != other.value
    ]


def _backups_are_too_rare(made: Mapping[str, list[_Made]]) -> list[Contradiction]:
    """A backup every 6 h loses up to 6 h, so it alone cannot keep an RPO of 1 h."""
    shortest = min((one.value for one in made["incremental_every"]), default=None)
    return [
        Contradiction(
            (rpo.line.ref, backup.line.ref),
            f"a backup every {backup.said} may lose {backup.said}, and the RPO is {rpo.said}; "
            "only incremental backups or a log at least that often can keep it",
        )
        for rpo in made["rpo"]
        for backup in made["backup_every"]
        if backup.value > rpo.value and (shortest is None or shortest > rpo.value)
    ]


def _one_recovery_breaks_the_month(made: Mapping[str, list[_Made]]) -> list[Contradiction]:
    """An uptime of 99.9 % leaves 43.8 minutes a month: one recovery that takes the RTO of 1 h breaks it."""
    found = []
    for uptime in made["uptime"]:
        allowed = (100 - uptime.value) / 100 * MONTH
        for rto in made["rto"]:
            if rto.value > allowed:
                why = (
                    f"{uptime.said} leaves {float(allowed):.1f} min a month, and one recovery may take {rto.said}: "
                    "a single outage that uses the RTO breaks the month"
                )
                found.append(Contradiction((uptime.line.ref, rto.line.ref), why))
    return found


def _alert_is_looser(limit: str, alert: str, what: str) -> "_Rule":
    def rule(made: Mapping[str, list[_Made]]) -> list[Contradiction]:
        return [
            Contradiction(
                (one.line.ref, other.line.ref),
                f"the {what} may be at most {one.said}, and the alert fires beyond {other.said}: "
                "between the two the promise is broken and nobody is told",
            )
            for one in made[limit]
            for other in made[alert]
            if other.value > one.value
        ]

    return rule


def _fewer_nodes_than_copies(made: Mapping[str, list[_Made]]) -> list[Contradiction]:
    return [
        Contradiction((one.line.ref, nodes.line.ref), f"{one.said} copies do not fit on {nodes.said} nodes")
        for one in made["replication"]
        for nodes in made["nodes"]
        if nodes.value < one.value
    ]


_Rule = Callable[[Mapping[str, list[_Made]]], list[Contradiction]]
_RULES: tuple[_Rule, ...] = (
    _backups_are_too_rare,
    _one_recovery_breaks_the_month,
    _alert_is_looser("error_rate", "error_alert", "error rate"),
    _alert_is_looser("p99", "p99_alert", "p99"),
    _fewer_nodes_than_copies,
)
