"""What drills left for somebody to follow up: by what the ledger knows, open until the same scenario holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from tminus import events as ev
from tminus.drills.book import DrillsBook
from tminus.drills.course import Course, Played
from tminus.spoken import role_said

_LONGEST = 240  # characters of what a drill came to


@dataclass(frozen=True)
class FollowUp:
    """One scenario that does not hold.

    Attributes:
        since: when the first drill began since which none held.
        drills: how many there were since then, all of which ended otherwise.
        what: what the last of them came to.
        owner: whose it is, in words.
    """

    scenario: str
    since: ev.Time
    drills: int
    what: str
    owner: str

    @property
    def line(self) -> str:
        """For people."""
        times = "the last drill" if self.drills == 1 else f"{self.drills} drills, the last"
        return f"{self.scenario}: since {self.since:%Y-%m-%d}, {times}: {self.what}. {self.owner} owns it"


def follow_ups(book: DrillsBook, courses: Mapping[str, Course]) -> list[FollowUp]:
    """One for each scenario whose last drill did not hold, or is not over, in the book's order."""
    found = []
    for name, drill in book.scenarios.items():
        since = _since_it_held(courses[name].drills)
        if since:
            what = _short(_came_to(name, since[-1]))
            found.append(FollowUp(name, since[0].began.at, len(since), what, role_said(drill.owner)))
    return found


def _came_to(name: str, last: Played) -> str:
    if last.ended is None:
        return f"not over: `tminus drill {name} --undo`, unless somebody plays it now"
    said = f"{last.ended.how}: {last.ended.sentence.removeprefix(f'{name}: ')}"
    return f"{said} (`tminus drill {name} --undo` once that is mended)" if last.ended.how == "not undone" else said


def _short(said: str) -> str:
    """On one line; what a command printed is told whole by `tminus drills NAME`."""
    line = " ".join(said.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _since_it_held(over: list[Played]) -> list[Played]:
    held = [at for at, one in enumerate(over) if one.ended is not None and one.ended.how == "held"]
    return over[held[-1] + 1 :] if held else over
