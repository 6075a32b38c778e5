"""A system's secrets, and one's rotations, as they stand in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table
from rich.text import Text

from tminus import events as ev
from tminus.asking import how_to_answer, judge
from tminus.chain_names import is_secret
from tminus.clock import show_duration
from tminus.errors import LedgerError
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.rotations.book import Policy
from tminus.rotations.course import Course, Rotation
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.papers import ASK

_DAY = 86400
_WIDE = 10


@dataclass(frozen=True)
class State:
    """One secret as it stands.

    Attributes:
        made: when its current value was made; None where that cannot be told, and `why` says why.
        asked: what people are asked about it just now, and how they answer; "" where nothing is asked.
    """

    name: str
    policy: Policy
    course: Course
    made: datetime | None
    why: str = ""
    asked: str = ""

    def late(self, at: datetime) -> bool:
        """Whether it is older than it may be, or nobody can tell."""
        return self.made is None or at - self.made > self.policy.every

    def shown(self, at: datetime) -> dict[str, str | float | None]:
        """For programs; the age is in days."""
        return {
            "secret": self.name,
            "stored_as": self.policy.secret,
            "kind": self.policy.kind,
            "age_days": None if self.made is None else round((at - self.made).total_seconds() / _DAY, 3),
            "every": show_duration(self.policy.every),
            "late": self.late(at),
            "rotation": self.said(),
            "unknown": self.why,
        }

    def said(self) -> str:
        """Where its rotation stands, and what is asked about it."""
        rotation, last = self.course.open, self.course.last_rotated
        if rotation is not None:
            where = stands(rotation)
        else:
            where = f"rotated {last.ended.at:%Y-%m-%d %H:%M}" if last and last.ended else "never rotated by tminus"
        return f"{self.asked}; {where}" if self.asked else where


def stands(rotation: Rotation) -> str:
    """Where an open rotation stands, in a few words."""
    back = "turned back: " if rotation.undo else ""
    if rotation.broke_off is not None:
        return f"{back}{rotation.broke_off.stage} broke off: {rotation.broke_off.why}"
    if rotation.waits is not None:
        waits = rotation.waits
        return f"{back}{waits.stage} waits until {waits.until:%Y-%m-%d %H:%M:%S} UTC: {waits.why}"
    return f"{back}{rotation.next or 'its end'} comes next"


def overview(opened: OpenedSecrets, seen: Sequence[State], at: datetime) -> Table:
    """Each secret: age, what is allowed, where its rotation stands."""
    table = Table(title=f"{opened.book.title} in {opened.environment.environment}", title_justify="left")
    for column in ("secret", "kind", "age", "may be", "owner", "rotation"):
        table.add_column(column, overflow="fold")
    for one in seen:
        age = Text("unknown", "yellow") if one.made is None else Text(_age(at - one.made < one.policy.every, one, at))
        if one.late(at) and one.made is not None:
            age.stylize("red")
        said = one.why or one.said()
        table.add_row(one.name, one.policy.kind, age, show_duration(one.policy.every), one.policy.owner, said)
    return table


def _age(young: bool, one: State, at: datetime) -> str:
    days = (at - one.made).total_seconds() / _DAY if one.made else 0
    return f"{days:.1f} d" if young else f"{days:.1f} d, late"


def status_lines(store: Store, chain: str, at: datetime) -> list[str]:
    """A secret's rotations, or a question about one: what was asked, and how it was decided. Raises LedgerError."""
    if is_secret(chain):
        return history(Course.read(store, chain)) or [f"{chain}: nothing was rotated"]
    record = Logbook(store, chain).refresh()
    ask = record.asks.get(ASK)
    if record.created is None or ask is None:
        raise LedgerError(
            f"{chain} asks nobody about a rotation; `tminus ledger verify {chain}` says if it was changed"
        )
    waits = judge(ask, Frozen(record.created, {}).people, at).waits
    answered = f"{ask.ended.result}: {ask.ended.reason}" if ask.ended else waits or "approved"
    how = [] if ask.ended else [how_to_answer(chain, ask.opened)]
    return [*ask.opened.text.splitlines(), f"approval: {answered}", *how]


def history(course: Course) -> list[str]:
    """All that is known of a secret's rotations, a line each."""
    return [line for rotation in course.rotations for line in _told(rotation)]


def _told(rotation: Rotation) -> list[str]:
    began = rotation.began
    way = ", ".join(f"{key} {value}" for key, value in began.way.items())
    at_once = " at once" if rotation.at_once else ""
    lines = [f"{began.at:%Y-%m-%d %H:%M:%S} {began.rotation} begins{at_once}: {began.reason or 'asked for'} ({way})"]
    orders = [one for one in (rotation.hastened, rotation.undo) if one]
    moments = [(one.at, f"{one.at:%Y-%m-%d %H:%M:%S} {one.person}: {one.order}: {one.reason}") for one in orders]
    moments += [(one.at, _done(one)) for one in rotation.done.values()]
    lines += [line for _, line in sorted(moments, key=lambda moment: moment[0])]
    if rotation.ended:
        return [*lines, f"{rotation.ended.at:%Y-%m-%d %H:%M:%S} {rotation.ended.how}: {rotation.ended.sentence}"]
    return [*lines, f"{'now':19} {stands(rotation)}"]


def _done(one: ev.RotationStageDone) -> str:
    return f"{one.at:%Y-%m-%d %H:%M:%S} {one.stage}: {one.said}{' (it was so already)' if one.already else ''}"


def planned(opened: OpenedSecrets, name: str, course: Course, used: Sequence[str], at: datetime) -> list[str]:
    """What `tminus rotate` would do now."""
    policy = opened.book.rotations[name]
    if course.open is not None:
        first = f"{name}: {stands(course.open)}"
    else:
        over = at + policy.takes
        first = f"{name} ({policy.secret}): a new value, current within seconds, beside the old one"
        first += f"\n  {'then':{_WIDE}}the old one goes on to work for {show_duration(policy.overlap)}, is switched off"
        first += (
            f" once nobody used it for {show_duration(policy.cycle)}, and is gone from {over:%Y-%m-%d %H:%M} UTC on"
        )
    asked = f"  {'asks':{_WIDE}}{' or '.join(policy.approval) or 'nobody'}"
    return [first, asked, *(f"  {'used by':{_WIDE}}{line}" for line in used)]
