"""`tminus ledger verify`: whether a launch's record is whole."""

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
    from tminus.ledger.chain import Head, faults
    from tminus.ledger.opening import named_ledger, open_ledger

    store = open_ledger(named_ledger())
    events = store.read(launch)
    if not events:
        raise UsageError(f"no launch is called {launch!r}; `tminus status` lists them")
    try:
        heads = [Head.parse(anchor) for anchor in anchors]
    except ValueError as e:
        raise UsageError(str(e)) from e
    if not offline:
        heads += _anchored(launch)
    found = faults(events, heads)
    if found:
        raise Broken(f"{launch} is NOT whole: {'; '.join(found)}")
    last = max((head.seq for head in heads), default=0)
    tail = len(events) - last
    said = "the tail is anchored" if tail == 0 else f"the last {tail} events are not anchored outside"
    click.echo(f"{launch} is whole: {len(events)} events, {len(heads)} anchors agree, {said}.")
    click.echo(f"Head: {launch}#{events[-1].seq}:{events[-1].hash}")


def _anchored(launch: str) -> "list[Head]":
    import asyncio

    from cli.deciding import open_launch
    from tasks.anchoring import read_anchors
    from tasks.estate import Estate
    from tminus.errors import CouldNotObserve

    _book, frozen = open_launch(launch)
    if "s3" not in frozen.environment.anchors:
        return []

    async def read() -> "list[Head]":
        async with Estate(frozen.environment, frozen.release, launch, frozen.base) as estate:
            return await read_anchors(estate, launch)

    try:
        return asyncio.run(read())
    except CouldNotObserve as e:
        click.echo(f"The anchors in S3 could not be read ({e}); give them with --anchor.", err=True)
        return []
