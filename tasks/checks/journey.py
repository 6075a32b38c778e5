"""Whether a critical user journey works, from log-in to clean-up, as a customer would walk it."""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Literal, Self

import anyio
import httpx
from pydantic import Field, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.journey_run import Done, Run
from tasks.journey_steps import Flagged, Name, RequestStep, Step, placeholders
from tasks.journey_values import Values
from tasks.journey_walk import Walk
from tminus.clock import Duration, show_duration
from tminus.credentials import SecretRef, resolve
from tminus.environment import Impact
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation
from tminus.yaml_source import nearest

_ALL = Expectation("= all")
_BUILT_IN = frozenset({"unique", "launch", "password"})
_log = logging.getLogger(__name__)


class Journey(Check, frozen=True):
    """Walks through the front door as a customer would, on accounts made for tests, and cleans up behind itself.

    `{name}` in a step is filled in: with what an earlier step captured, a secret, or `{unique}` (new in each run),
    `{launch}` (the launch's id) and `{password}` (made up in each run). A journey that changes anything names, in
    `flagged`, where the service says that the account is made for tests. Unless it says true there, nothing after
    that step is done, and no clean-up either: the account may be a customer's. The first step that fails ends the
    journey. Clean-up steps always run, the last first, each whether or not another failed; one that wants something
    no step got so far as to make is left out. That all steps pass, and all clean-up, is expected also where the book
    does not say so.

    Attributes:
        service: through whose front door.
        steps: in order.
        flagged: the step and the path at which the account is said to be made for tests.
        clean_up: in the order in which the things were made.
        secrets: name → reference, such as the password of a standing test account.
        clean_up_within: how long the clean-up may take in all.
    """

    kind: Literal["journey"] = "journey"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {"steps": "", "took": "ms", "cleaned": ""}

    service: str
    steps: tuple[Step, ...]
    flagged: Flagged | None = None
    clean_up: tuple[RequestStep, ...] = ()
    secrets: dict[Name, SecretRef] = Field(default_factory=dict)
    clean_up_within: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _all_expected(self) -> Self:
        self.expect.setdefault("steps", _ALL)
        if self.clean_up:
            self.expect.setdefault("cleaned", _ALL)
        elif "cleaned" in self.expect:
            raise ValueError("`cleaned` is expected, and `clean_up` names no step")
        return self

    @model_validator(mode="after")
    def _only_what_is_known(self) -> Self:
        if not self.steps:  # a minimum length on the field would also be complained of where each step is mistaken
            raise ValueError("steps: a journey wants at least one")
        known = set(_BUILT_IN | self.secrets.keys())
        for step in (*self.steps, *reversed(self.clean_up)):
            if unknown := sorted(placeholders(step) - known):
                raise ValueError(
                    f"{step.title}: nothing before it gives {{{unknown[0]}}}{nearest(unknown[0], [*known])}"
                )
            if taken := sorted(step.capture.keys() & (_BUILT_IN | self.secrets.keys())):
                raise ValueError(f"{step.title}: captures {taken[0]!r}, which is the name of something else")
            known |= step.capture.keys()
        return self

    @model_validator(mode="after")
    def _flagged_first(self) -> Self:
        titles = [step.title for step in self.steps]
        if self.flagged is None:
            if changing := [step.title for step in (*self.steps, *self.clean_up) if step.changes]:
                raise ValueError(
                    f"{changing[0]} changes something, so say where the service says that the account is made for "
                    "tests: `flagged: {step: …, path: …}`"
                )
        elif titles.count(self.flagged.step) != 1:
            raise ValueError(
                f"flagged: one step must be called {self.flagged.step!r}{nearest(self.flagged.step, titles)}"
            )
        else:
            before = self.steps[: titles.index(self.flagged.step)]
            if changing := [step.title for step in before if step.changes]:
                raise ValueError(
                    f"{changing[0]} changes something before the account is known to be made for tests; move it "
                    f"behind {self.flagged.step}, or say `log_in: true` if it only logs in"
                )
        return self

    async def look(self, estate: Estate) -> Observation:
        """Walks, then cleans up, also where the walk is cancelled."""
        front = estate.service(self.service).front
        values = await self._values(estate.launch)
        async with httpx.AsyncClient(trust_env=False) as client:
            walk = Walk(Run(client, front, values), values, self.steps, self.flagged)
            try:
                await walk.forth()
            except asyncio.CancelledError:
                await self._clean_up(walk)
                _log.warning("journey cut short: %s", "; ".join(map(str, (*walk.done, *walk.cleaned))))
                raise
            await self._clean_up(walk)
        return self._seen(walk, front)

    async def _clean_up(self, walk: Walk) -> None:
        with anyio.move_on_after(self.clean_up_within.total_seconds(), shield=True) as scope:
            await walk.back(self.clean_up)
        if scope.cancelled_caught:
            unfinished = [step for step in self.clean_up if step.title not in {*walk.untouched, *_titles(walk.cleaned)}]
            said = f"not finished within {show_duration(self.clean_up_within)}"
            walk.cleaned.extend(Done(step.title, said) for step in reversed(unfinished))

    async def _values(self, launch: str) -> Values:
        """What is known before the first step. Raises MissingSecret."""
        secret = {"password": secrets.token_urlsafe(18)}
        for name, reference in self.secrets.items():
            secret[name] = (await asyncio.to_thread(resolve, reference)).get_secret_value()
        return Values({"unique": secrets.token_hex(8), "launch": launch}, secret)

    def _seen(self, walk: Walk, front: str) -> Observation:
        wrong = [done for done in (*walk.done, *walk.cleaned) if done.complaint]
        passed = len(walk.done) - sum(1 for done in walk.done if done.complaint)
        not_begun = [step.title for step in self.steps[len(walk.done) :]]
        cleaned = sum(1 for done in walk.cleaned if not done.complaint)
        return Observation(
            found=(
                Measurement.number("steps", passed, of=len(self.steps)),
                Measurement.number("took", sum(done.took_ms for done in walk.done), "ms"),
                Measurement.number("cleaned", cleaned, of=len(walk.cleaned)),
            ),
            where=front,
            details=(
                *map(str, walk.done),
                *(f"{title}: not begun" for title in not_begun),
                *(f"clean-up: {done}" for done in walk.cleaned),
                *(f"clean-up: {title}: nothing to clean up" for title in walk.untouched),
            ),
            because="; ".join(f"{done.title}: {done.complaint}" for done in wrong),
        )


def _titles(done: Sequence[Done]) -> set[str]:
    return {one.title for one in done}
