"""What Chaos Toolkit says of a run: https://chaostoolkit.org/reference/api/journal/.

What activities put out, and the text of their exceptions, may hold secrets, so none of it is repeated here.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import AwareDatetime, Field, JsonValue, ValidationError

from tasks.vendor_api import Page

_NAMED = 80  # characters of a name or a word of the journal's


class Provider(Page, frozen=True):
    """How an activity is carried out."""

    type: str = ""


class Activity(Page, frozen=True):
    """One of an experiment's actions and probes."""

    name: str = "an activity without a name"
    type: str = ""
    provider: Provider = Provider()


class Ran(Page, frozen=True):
    """What became of an activity; `status` is missing where it was interrupted."""

    activity: Activity
    status: str = "interrupted"
    output: JsonValue = None
    start: AwareDatetime | None = None

    @property
    def wrong(self) -> str:
        """Why it did not do what it is for; "" where it did.

        Chaos Toolkit calls a command of whatever exit status `succeeded`; here an action's must exit 0.
        """
        said = f"{self.activity.name[:_NAMED]!r} {self.status[:_NAMED]}"
        if self.status != "succeeded":
            return said
        command = self.activity.type == "action" and self.activity.provider.type == "process"
        status = self.output.get("status") if command and isinstance(self.output, dict) else 0
        return f"{self.activity.name[:_NAMED]!r} ended with exit status {str(status)[:_NAMED]}" if status != 0 else ""


class Hypothesis(Page, frozen=True):
    """Whether the steady state was met."""

    steady_state_met: bool | None = None


class SteadyStates(Page, frozen=True):
    """Before and after the method; None where nobody looked."""

    before: Hypothesis | None = None
    after: Hypothesis | None = None


class Journal(Page, frozen=True):
    """A run that is over, be it interrupted."""

    status: str
    deviated: bool = False
    steady_states: SteadyStates = SteadyStates()
    run: Sequence[Ran] = Field(default=())
    rollbacks: Sequence[Ran] = Field(default=())

    @classmethod
    def read(cls, path: Path) -> "Journal | None":
        """What stands in a file; None where there is no whole journal, as after a kill."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def wrong(self, rollbacks: int) -> str:
        """Why the experiment did not go through, in the journal's own words; "" where it did."""
        return "; ".join((*self._wrong(), *filter(None, [self.not_rolled_back(rollbacks)])))

    def _wrong(self) -> Iterator[str]:
        if self.status != "completed":
            yield f"status {self.status[:_NAMED]}"
        if self.deviated:
            yield "deviated"
        for when, seen in (("before", self.steady_states.before), ("after", self.steady_states.after)):
            if seen is not None and seen.steady_state_met is False:
                yield f"the steady state was not met {when} the method"
        yield from (one.wrong for one in self.run if one.wrong)

    @property
    def method_over(self) -> float:
        """When its rollbacks began, and the method was over; in Unix seconds, and without an end where none did."""
        began = [one.start.timestamp() for one in self.rollbacks if one.start is not None]
        return min(began, default=math.inf)

    def not_rolled_back(self, rollbacks: int) -> str:
        """Which of so many rollbacks were not done; "" where all were."""
        failed = [one.wrong for one in self.rollbacks if one.wrong]
        if failed:
            return f"rollback {', '.join(failed)}"
        done = len(self.rollbacks)
        return f"{done} of {rollbacks} rollbacks were run" if done < rollbacks else ""
