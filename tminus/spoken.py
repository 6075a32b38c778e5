"""How times, lengths, roles and lists are said to people: one way, in every view."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tminus.clock import show_duration
from tminus.frozen import Frozen

_ACRONYMS = {"devops": "DevOps", "ceo": "CEO", "cto": "CTO", "cfo": "CFO", "coo": "COO", "sre": "SRE", "qa": "QA"}
_TENTHS_UNDER = timedelta(seconds=60)  # below this a length is worth a tenth of a second


def role_said(role: str) -> str:
    """`devops_lead` → `DevOps lead`."""
    return " ".join(_ACRONYMS.get(word, word) for word in role.replace("-", "_").split("_"))


def person_said(frozen: Frozen, identity: str) -> str:
    """The name of the person the ledger knows by that id; the id itself where it is nobody's."""
    person = frozen.people.by_id(identity)
    return person.name if person else identity


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; with semicolons where a word has a comma of its own."""
    many = list(words)
    if not many:
        return ""
    comma = "; " if any("," in word for word in many) else ", "
    last = "; and " if comma == "; " else " and "
    return last.join([comma.join(many[:-1]), many[-1]]) if len(many) > 1 else many[0]


def counted(number: int, one: str, many: str = "") -> str:
    """`1 hold`, `3 holds`, `no holds`."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"


def time_said(at: datetime) -> str:
    """`02:31:07 UTC`."""
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"


def day_said(at: datetime) -> str:
    """`2026-11-22 02:31:07 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def length_said(length: timedelta) -> str:
    """`3.2 s` below a minute, else whole seconds as `2m 5s` or `4h 3m`; never more exact than is read."""
    if abs(length) < _TENTHS_UNDER:
        return f"{length.total_seconds():.1f} s"
    whole = timedelta(seconds=round(length.total_seconds()))
    if abs(whole) >= timedelta(hours=1):
        whole = timedelta(minutes=round(whole.total_seconds() / 60))
    return show_duration(whole)


def countdown_said(frozen: Frozen, at: datetime) -> str:
    """Where a moment lies on the countdown's own clock: `T-15m`, `T-0`, `T+2h 3m`."""
    return offset_said(frozen.created.t0, frozen.environment.clock.hour, at)


def offset_said(t0: datetime, hour: timedelta, at: datetime) -> str:
    """As `countdown_said`, for a countdown to `t0` on which an hour lasts `hour`."""
    offset = (at - t0) / (hour / timedelta(hours=1))
    step = timedelta(minutes=1) if abs(offset) >= timedelta(minutes=1) else timedelta(seconds=1)
    rounded = step * round(offset / step)
    if not rounded:
        return "T-0"
    return f"T{'-' if rounded < timedelta(0) else '+'}{show_duration(abs(rounded))}"
