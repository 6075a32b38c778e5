"""What a restore will do and lose, in words, before anybody decides."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from tminus import events as ev
from tminus.restores.choosing import Chosen

_WIDE = 10


def told(chosen: Chosen, store: str, instant: datetime, at: datetime) -> list[str]:
    """Which backup was chosen and why, when it was last verified, and the seconds that will be lost."""
    recorded = chosen.recorded
    later = f"; {chosen.later} are later than that" if chosen.later else ""
    why = "the newest at or before that instant" if not chosen.passed_over else "the newest that nothing speaks against"
    mark = recorded.marker
    by = f"by its newest mark, {mark.number}" if mark else "by its snapshot: it holds no mark, so it may be earlier"
    if chosen.through is not None:
        by = "through the WAL since; whether the archive has all of it is seen before anything is switched"
    lost, since = (instant - chosen.reached).total_seconds(), (at - chosen.reached).total_seconds()
    return [
        *_row("restores", f"{store} to {_utc(instant)}"),
        *_row("backup", f"{recorded.backup}, taken {_utc(recorded.taken_at)}: {why}{later}"),
        *(line for passed in chosen.passed_over for line in _row("", f"not {passed}")),
        *_row("verified", chosen.verified_said or "never: nobody has restored it yet"),
        *_row("reaches", f"{_utc(chosen.reached)}, {by}"),
        *_row("loses", f"{lost:.0f} s between there and the instant asked, {since:.0f} s between there and now"),
    ]


def meanwhile_said(what: str) -> list[str]:
    """What stands in the way right now."""
    return _row("meanwhile", what) if what else []


def by_hand_said(what: Iterable[str]) -> list[str]:
    """What a person does, where tminus switches nothing."""
    return [line for one in what for line in _row("by hand", one)]


def way_said(what: Iterable[str], unsaved: str, halted: str = "") -> list[str]:
    """What is saved, made and switched, and what whoever approves attests."""
    by_word = f"where the book's check cannot look, whoever approves attests that nobody trades: {halted}"
    saved = f"nothing: {unsaved}" if unsaved else "what is there now, as a backup of its own, before anything else"
    attested = _row("halted", by_word) if halted else []
    return [*attested, *_row("saves", saved), *(line for one in what for line in _row("then", one))]


def asked_text(planned: ev.RestorePlanned, system: str, environment: str, lines: Iterable[str]) -> str:
    """The question, whole: whoever answers elsewhere has seen nothing else."""
    reason = f" {planned.asked_by}: {planned.reason}" if planned.reason else f" Asked by {planned.asked_by}."
    head = f"Switch {planned.store} of {system} in {environment} to a copy of {planned.backup}?{reason}"
    return "\n".join((head, *lines))


def undo_said(way: Mapping[str, str], statements: Iterable[str]) -> str:
    """How a switch is taken back, for the record."""
    return f"back to {way.get('kept', 'what was there')}: {'; '.join(statements)}"


def _row(name: str, said: str) -> list[str]:
    return [f"  {name:{_WIDE}}{said}"]


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
