"""`tminus ledger verify`: whether a launch's record is whole."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from tminus.errors import TminusError

if TYPE_CHECKING:
    from tminus.ledger.chain import Head


class Broken(TminusError):
    """A chain is not whole."""


@click.group("ledger")
def command() -> None:
    """Verifies a launch's record, or prints its head."""


@command.command("verify")
@click.argument("launch")
@click.option(
    "--anchor", "anchors", multiple=True, help="A head written down elsewhere, as Slack shows it: LAUNCH#12:<hash>."
)
@click.option("--offline", is_flag=True, help="Do not read the anchors in S3.")
def verify(launch: str, anchors: tuple[str, ...], offline: bool) -> None:
    """Finds any edited, deleted, reordered or cut event."""
    from tminus.errors import UsageError
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.ledger.verifying import verify as look

    heads = [_head(anchor) for anchor in anchors]
    with closing(open_ledger(named_ledger())) as store:
        found = look(store, launch, heads)
        if found.known and not found.faults and not offline:
            # Where they are is written in the launch itself, which can be believed once it fits together.
            heads += _anchored(launch)
            found = look(store, launch, heads)
    if not found.known:
        raise UsageError(f"no launch is called {launch!r}; `tminus status` lists them")
    if found.faults:
        raise Broken(f"{launch} is NOT whole: {'; '.join(found.faults)}")
    tail = f"the last {found.unanchored} are not anchored outside" if found.unanchored else "the tail is anchored"
    click.echo(f"{launch} is whole: {found.events} events, {found.anchors} anchors agree, {tail}.")
    click.echo(f"Head: {found.head}")


def _head(text: str) -> "Head":
    from tminus.errors import UsageError
    from tminus.ledger.chain import Head

    try:
        return Head.parse(text)
    except ValueError as e:
        raise UsageError(f"--anchor: {e}") from e


def _anchored(launch: str) -> "list[Head]":
    import asyncio

    from cli.deciding import open_launch
    from tasks.anchoring import read_anchors
    from tasks.estate import Estate
    from tminus.errors import CouldNotObserve
    from tminus.ledger.directory import DIRECTORY

    if launch == DIRECTORY:
        return []
    _book, frozen = open_launch(launch)
    if "s3" not in frozen.environment.anchors:
        return []

    async def read() -> "list[Head]":
        async with Estate(frozen.environment, frozen.release, launch, frozen.base) as estate:
            return await read_anchors(estate, launch)

    try:
        return asyncio.run(read())
    except (CouldNotObserve, ValueError) as e:
        click.echo(f"The anchors in S3 could not be read ({e}); give them with --anchor.", err=True)
        return []
