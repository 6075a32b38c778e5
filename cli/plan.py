"""`tminus plan`: the countdown before it begins."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.console import RenderableType

    from tminus.plan import Plan, PlannedPhase, PlannedQuestion, PlannedStep

_FILE = click.Path(path_type=Path)


@click.command("plan")
@click.option("--runbook", type=_FILE, required=True, help="The book.")
@click.option("--release", type=_FILE, required=True, help="What is launched.")
@click.option("--people", type=_FILE, required=True, help="Who takes part.")
@click.option("--environment", type=_FILE, required=True, help="Where.")
@click.option("--t0", required=True, metavar="TIME", help="2026-11-22T18:00:00+01:00 or +4h.")
def command(runbook: Path, release: Path, people: Path, environment: Path, t0: str) -> None:
    """Prints the countdown before it begins.

    When what happens, who owns it, who must answer by when, whose yes does not count since they wrote a commit of the
    release, which of its authors nobody in people.yaml is, and whether enough distinct people are left. Of a roll-call:
    when it goes out, and to whom. Nothing is created or changed. Exits 2 where `launch` would refuse: a quorum can
    never be reached, T-0 or the first phase is in the past.
    """
    from rich.console import Console, Group

    from tasks.vocabulary import KINDS
    from tminus.candidates import strangers_said
    from tminus.clock import now
    from tminus.cross_check import never_proven
    from tminus.environment import Environment
    from tminus.launching import refuse_past
    from tminus.people import People
    from tminus.plan import Crew, make_plan, parse_t0
    from tminus.release import authors_of, load_release
    from tminus.runbook_source import load
    from tminus.yaml_source import Source

    book = load(runbook, KINDS)
    launched = load_release(Source.read(release))
    if launched.system != book.system:
        raise UsageError(f"{runbook} is for {book.system!r}, {release} is of {launched.system!r}; give two that match")
    place = Source.read(environment).load(Environment)
    at = now()
    crew = Crew(Source.read(people).load(People), authors=authors_of(launched))
    plan = make_plan(book, crew, place.clock, parse_t0(t0, place.clock, at), at)
    countdown = _Countdown(plan)
    release_line = f"{launched.release} to {place.environment} by {book.runbook}, {launched.ticket}"
    Console(highlight=False).print(release_line, style="bold")
    for line in (*strangers_said(crew.people, crew.authors), *never_proven(book.steps(), place)):
        Console(highlight=False).print(f"warning: {line}", style="yellow", soft_wrap=True)
    Console(highlight=False).print(Group(*countdown.lines()))
    if plan.unreachable:
        raise UsageError("\n".join(f"step {step}: {why}" for step, why in plan.unreachable.items()))
    refuse_past(book, place.clock, plan.t0, at)


class _Countdown:
    """A plan as lines of text: two for a step, more where it asks people."""

    def __init__(self, plan: "Plan") -> None:
        self._plan = plan
        steps = [planned.step for phase in plan.phases for planned in phase.steps]
        self._id_width = max(len(step.id) for step in steps)
        self._kind_width = max(len(step.does.kind) for step in steps)

    def lines(self) -> "Iterator[RenderableType]":
        """Phase by phase."""
        for phase in self._plan.phases:
            yield ""
            yield self._heading(phase)
            for planned in phase.steps:
                yield from self._step(planned, phase)

    def _heading(self, phase: "PlannedPhase") -> "RenderableType":
        from rich.text import Text

        from tminus.clock import show_duration

        heading = Text(f"{phase.phase.phase}  ", style="bold")
        heading.append(
            f"{_time(phase.at, self._plan.t0, dated=True)}, at the latest {_time(phase.latest, self._plan.t0)}"
        )
        if phase.would_hold:
            heading.append(f"  {show_duration(phase.late)} late already: it would hold and ask", style="red")
        return heading

    def _step(self, planned: "PlannedStep", phase: "PlannedPhase") -> "Iterator[RenderableType]":
        from rich.text import Text

        step = planned.step
        yield Text(f"  {step.id:{self._id_width}}  {step.does.kind:{self._kind_width}}  {step.owner}")
        refs = ", ".join(ref.partition("/")[2] for ref in step.refs)
        yield _indented(step.title, "dim")
        if refs:
            yield _indented(refs, "dim")
        if planned.question is not None:
            if step.does.kind == "roll_call":
                yield self._goes_out(planned.question, phase)
            yield from self._question(planned.question, phase)

    def _goes_out(self, asked: "PlannedQuestion", phase: "PlannedPhase") -> "RenderableType":
        names = "; ".join({name: None for named in asked.candidates.values() for name in named}) or "nobody"
        return _indented(f"goes out {_time(phase.at, self._plan.t0, dated=True)} to: {names}", "")

    def _question(self, asked: "PlannedQuestion", phase: "PlannedPhase") -> "Iterator[RenderableType]":
        until = f"by {_time(asked.until, phase.at)}" if asked.until else "ahead of the launch"
        for role, count in asked.roles.items():
            names = "; ".join(asked.candidates[role]) or "nobody"
            yield _indented(f"{count} {role} {until}: {names}", "" if asked.candidates[role] else "red")
        for name, why in asked.barred.items():
            yield _indented(f"not {name}: {why}", "yellow")
        if asked.unreachable:
            yield _indented(f"cannot be reached: {asked.unreachable}", "red")


def _indented(text: str, style: str) -> "RenderableType":
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, style=style), (0, 0, 0, 6))


def _time(at: "datetime", like: "datetime", *, dated: bool = False) -> str:
    """A wall-clock time in the zone of `like`; with its date where it is another day or is wanted."""
    here = at.astimezone(like.tzinfo)
    if dated or here.date() != like.date():
        return here.strftime("%a %Y-%m-%d %H:%M:%S %Z")
    return here.strftime("%H:%M:%S")
