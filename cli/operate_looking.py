"""`tminus operate validate-deployment | monitor`: the launch book's own checks, looked at now."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.operate_files import with_book
from tminus.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from tminus.operation_files import Operated
    from tminus.outcome import Outcome
    from tminus.runbook import Step

_BAD = 3
_PIPED = 140  # columns where stdout is no terminal
_LEAST = 1.0  # seconds between two looks


@click.command("validate-deployment")
@with_book
def validate_deployment(release: Path, runbook: Path, environment: Path) -> None:
    """Looks now at what the book observes after deploying.

    It prints the verdicts. Those are the checks of T-0 that stand behind its last action, and all checks of the phases
    after it. What they may do to the system is what the environment allows. Nothing is written down. Exits 0 where
    everything that blocks passes, 3 where it does not, 2 where the files have mistakes.
    """
    import asyncio

    from flows.operating import after_deployment, blocking, look_at, opened_estate

    found = _read(release, runbook, environment)
    steps = after_deployment(found.book)
    if not steps:
        raise UsageError(f"{runbook} has no check at T-0 or later, so there is nothing to validate by")

    async def look() -> "list[tuple[Step, Outcome]]":
        async with opened_estate(found) as estate:
            return await look_at(estate, steps)

    seen = asyncio.run(look())
    click.echo(f"{found.release.release} in {found.environment.environment}")
    for step, outcome in seen:
        click.echo(f"{outcome.verdict:8} {step.id}: {step.title}\n           {outcome.summary}")
    bad = blocking(seen)
    passed = sum(outcome.verdict.final for _, outcome in seen)
    click.echo(f"{passed} of {len(seen)} checks pass; {len(bad)} that block do not.")
    if bad:
        click.get_current_context().exit(_BAD)


@click.command("monitor")
@with_book
@click.option("--every", default=15.0, show_default=True, help=f"Seconds between two looks, at least {_LEAST:g}.")
@click.option("--once", is_flag=True, help="Look once, print it, and end.")
def monitor(release: Path, runbook: Path, environment: Path, every: float, once: bool) -> None:
    """Repeats the book's health and metrics checks, live.

    Until Ctrl-C, or once with --once.

    Those are the checks whose kind speaks of health or metrics and that ask what serves. Nothing is written down, and
    nobody is paged: a launch's watch does that, or your own alerts. Exits by the last look: 0 where all passed,
    3 where not.
    """
    import asyncio

    from flows.operating import worth_monitoring

    if every < _LEAST:
        raise UsageError(f"--every {every:g} is too often; {_LEAST:g} s is the least")
    found = _read(release, runbook, environment)
    steps = worth_monitoring(found.book)
    if not steps:
        raise UsageError(f"{runbook} has no check of health or metrics, so there is nothing to monitor by")
    screen = _Screen(found)
    try:
        asyncio.run(_repeat(found, steps, screen, every=every, once=once))
    except KeyboardInterrupt:
        click.echo()
    if not screen.well:
        click.get_current_context().exit(_BAD)


async def _repeat(found: "Operated", steps: "Sequence[Step]", screen: "_Screen", *, every: float, once: bool) -> None:
    import asyncio

    from flows.operating import look_at, opened_estate

    async with opened_estate(found) as estate:
        with screen:
            while True:
                screen.show(await look_at(estate, steps))
                if once:
                    return
                await asyncio.sleep(every)


class _Screen:
    """One table that is renewed on a terminal; one after the other where it is no terminal.

    Attributes:
        well: whether everything passed at the last look; not before the first.
    """

    def __init__(self, found: "Operated") -> None:
        from rich.console import Console
        from rich.live import Live

        self._what = f"{found.release.release} in {found.environment.environment}"
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_PIPED)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self.well = False

    def __enter__(self) -> None:
        if self._live:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, seen: "Sequence[tuple[Step, Outcome]]") -> None:
        """What was seen now."""
        from tminus.clock import now

        self.well = all(outcome.verdict.final for _, outcome in seen)
        drawn = self._drawn(seen, now())
        if self._live:
            self._live.update(drawn, refresh=True)
        else:
            self._console.print(drawn)

    def _drawn(self, seen: "Sequence[tuple[Step, Outcome]]", at: "datetime") -> "RenderableType":
        from rich.table import Table

        from tminus.readiness.terminal import STYLES
        from tminus.spoken import day_said
        from tminus.standing import mark_of_verdict

        table = Table(title=f"{self._what}, {day_said(at)}", title_justify="left", box=None, padding=(0, 1))
        for name in ("", "check", "what was seen"):
            table.add_column(name, overflow="fold")
        for step, outcome in seen:
            mark = mark_of_verdict(outcome.verdict)
            style = STYLES[mark.tone]
            table.add_row(f"[{style}]{mark.symbol} {mark.word}[/]", step.id, _plain(outcome.summary))
        return table


def _plain(text: str) -> "RenderableType":
    """Foreign text, in which no markup comes alive."""
    from rich.text import Text

    return Text(text)


def _read(release: Path, runbook: Path, environment: Path) -> "Operated":
    from tasks.vocabulary import KINDS
    from tminus.operation_files import Operated

    return Operated.read(runbook, environment, release, KINDS)
