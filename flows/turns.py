"""The turns a launch can take instead of going on: each says why, in one sentence."""

from tminus.errors import TminusError
from tminus.runbook import Step


class Turn(TminusError):
    """The launch does not simply go on."""


class Lost(Turn):
    """This process no longer conducts."""


class Stopped(Lost):
    """Somebody cancelled or suspended this run in Prefect, and it noticed before its process was ended.

    Args:
        how: `cancelled` or `suspended`.
    """

    def __init__(self, how: str) -> None:
        super().__init__(f"this run was {how} in Prefect; the launch is held until somebody resumes it")
        self.how = how

    def __reduce__(self) -> tuple[type["Stopped"], tuple[str]]:
        return (Stopped, (self.how,))


class NoGo(Turn):
    """It ends before anything was changed."""


class Scrubbed(Turn):
    """A person ended it before anything was changed."""


class Recycled(Turn):
    """The countdown is gone through again from its start: nothing was changed yet."""


class OutOfTime(Turn):
    """It stayed held, or blocked, past its end."""


class TurnBack(Turn):
    """What was changed must be taken back.

    Args:
        why: the reason.
        by: who decided: a person's id, or `tminus`.
    """

    def __init__(self, why: str, by: str = "tminus") -> None:
        super().__init__(why)
        self.by = by

    def __reduce__(self) -> tuple[type["TurnBack"], tuple[str, str]]:
        return (TurnBack, (str(self), self.by))


class Lapsed(Turn):
    """Steps count as not settled any more, and are looked at first: the waivers that accepted them are over.

    Args:
        steps: which.
    """

    def __init__(self, steps: tuple[Step, ...]) -> None:
        super().__init__(f"waivers are over, so it is looked again: {', '.join(step.id for step in steps)}")
        self.steps = steps

    def __reduce__(self) -> tuple[type["Lapsed"], tuple[tuple[Step, ...]]]:
        return (Lapsed, (self.steps,))
