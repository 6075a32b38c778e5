"""The way there and the way back: steps until one fails, then everything that was made is cleaned up."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tasks.journey_run import Done, Run
from tasks.journey_steps import Flagged, RequestStep, WebSocketStep, placeholders, things
from tasks.journey_values import Values, found_at

AnyStep = RequestStep | WebSocketStep


class Walk:
    """One walk through a journey.

    Attributes:
        done: what each step came to that was begun.
        cleaned: what each clean-up step came to that was needed.
        untouched: clean-up steps with nothing to clean up.
        may_touch: whether the account is known to be made for tests, or nothing is changed at all.
    """

    def __init__(self, run: Run, values: Values, steps: Sequence[AnyStep], flagged: Flagged | None) -> None:
        self.done: list[Done] = []
        self.cleaned: list[Done] = []
        self.untouched: list[str] = []
        self.may_touch = flagged is None
        self._run = run
        self._values = values
        self._steps = steps
        self._flagged = flagged
        self._begun = 0

    async def forth(self) -> None:
        """Does the steps in order, until one fails."""
        for step in self._steps:
            self._begun += 1
            done = self._with_flag(await self._run.do(step))
            self.done.append(done)
            if done.complaint:
                return

    def _with_flag(self, done: Done) -> Done:
        if self._flagged is None or done.title != self._flagged.step or done.complaint:
            return done
        if found_at(done.document, self._flagged.path) is True:
            self.may_touch = True
            return done
        complaint = f"expected {self._flagged.path} true, which would say that the account is made for tests; it is not"
        return Done(done.title, complaint, took_ms=done.took_ms)

    async def back(self, clean_up: Sequence[RequestStep]) -> None:
        """Does the clean-up, the last first, each whether or not another failed."""
        for step in reversed(clean_up):
            if not self._made(things(step)):
                self.untouched.append(step.title)
            elif not self.may_touch:
                self.cleaned.append(Done(step.title, "not done: the account may be a customer's"))
            elif missing := self._values.missing(placeholders(step)):
                complaint = f"not done: {', '.join(sorted(missing))} was never learnt, and something may be left behind"
                self.cleaned.append(Done(step.title, complaint))
            else:
                self.cleaned.append(await self._run.do(step))

    def _made(self, names: AbstractSet[str]) -> bool:
        """Whether what these names stand for may exist: each step that makes one was begun, and none was refused.

        A step that was cut short, or got no answer, may have had its effect.
        """
        makers = [i for i, step in enumerate(self._steps) if step.changes and names & step.capture.keys()]
        refused = {i for i, done in enumerate(self.done) if done.refused}
        return all(i < self._begun and i not in refused for i in makers)
