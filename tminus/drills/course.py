"""A scenario's drills as its chain tells them: which one is open, what it broke, how it ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tminus import events as ev
from tminus.episodes import Episodes

FORWARD: tuple[ev.DrillStage, ...] = ("inject", "detect", "recover", "verify")
"""The stages of a drill, in their order; `undo` follows whatever became of them."""


def way_said(way: Mapping[str, str]) -> str:
    """What is broken and who takes over, for people; what is empty is left out."""
    return ", ".join(f"{key} {value}" for key, value in way.items() if value)


@dataclass
class Played:
    """One drill.

    Attributes:
        moments: when each stage was begun, be it done or not.
        done: the stages that are done.
        broke_off: what could not be done.
        stopped: who ended it, where somebody did.
        measured: what was seen from outside.
        window: what came of its maintenance window, where one was wanted.
    """

    began: ev.DrillBegan
    moments: dict[ev.DrillStage, ev.Time] = field(default_factory=dict)
    done: dict[ev.DrillStage, ev.DrillStageDone] = field(default_factory=dict)
    broke_off: list[ev.DrillBrokeOff] = field(default_factory=list)
    stopped: ev.DrillStopped | None = None
    measured: ev.DrillMeasured | None = None
    window: ev.DrillWindow | None = None
    ended: ev.DrillEnded | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.began.drill

    @property
    def injected(self) -> bool:
        """Whether something may be broken."""
        return "inject" in self.moments

    @property
    def lost(self) -> str:
        """What it lost of acknowledged writes, for people; "" where nobody knows."""
        if self.measured is not None:
            counted = f"{self.measured.lost:,} writes ({self.measured.lost_s:.2f} s)"
            return "not counted" if self.measured.uncounted else counted
        if self.ended is None or self.ended.lost is None:
            return ""
        return f"{self.ended.lost:,} writes ({self.ended.lost_s or 0:.2f} s)"

    @property
    def stage(self) -> ev.DrillStage | None:
        """The stage that was begun last; None where none was."""
        return next(reversed(self.moments), None)

    @property
    def unproven(self) -> bool:
        """Whether nobody has seen yet that all is as it was before."""
        return self.ended is None or self.ended.how == "not undone"

    def take(self, event: ev.Event) -> None:
        """One more thing that happened to it."""
        match event:
            case ev.DrillStageBegan():
                self.moments[event.stage] = event.at
            case ev.DrillStageDone():
                self.done[event.stage] = event
            case ev.DrillBrokeOff():
                self.broke_off.append(event)
            case ev.DrillStopped():
                self.stopped = event
            case ev.DrillWindow():
                self.window = event
            case ev.DrillMeasured():
                self.measured = event
            case ev.DrillEnded():
                self.ended = event
            case _:
                pass


class Course(Episodes[Played]):
    """All drills of one scenario, the earliest first.

    Attributes:
        windows: description → a maintenance window that may be open; one is opened before its drill begins.
    """

    def __init__(self, events: Iterable[ev.Event] = ()) -> None:
        self.windows: dict[str, ev.DrillWindowOpens] = {}
        super().__init__(events)

    def take(self, event: ev.Event) -> None:
        """See Episodes."""
        match event:
            case ev.DrillWindowOpens():
                self.windows[event.description] = event
            case ev.DrillWindowEnded():
                self.windows.pop(event.description, None)
            case _:
                pass
        super().take(event)

    def begun(self, event: ev.Event) -> Played | None:
        """See Episodes."""
        return Played(event) if isinstance(event, ev.DrillBegan) else None

    @property
    def drills(self) -> list[Played]:
        """The same by its name."""
        return self.episodes

    @property
    def unproven(self) -> Played | None:
        """The last one, where nobody has seen yet that all is as it was before."""
        last = self.last
        return last if last is not None and last.unproven else None
