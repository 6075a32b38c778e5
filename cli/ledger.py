"""`tminus ledger verify`: whether a launch's record is whole."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import TminusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tminus.environment import Environment
    from tminus.ledger.chain import Head, Stored
    from tminus.ledger.verifying import Verification
    from tminus.record import Record

UNPROVEN = 4  # exit status: nothing speaks against the record, and a witness that there should be cannot be heard


class Broken(TminusError):
    """A chain is not whole."""


@dataclass(frozen=True)
class _Heard:
    """What was read of the anchors.

    Attributes:
        heads: every head.
        missing: what should have been there and was not, in words.
    """

    heads: "tuple[Head, ...]" = ()
    missing: tuple[str, ...] = ()


@click.group("ledger")
def command() -> None:
    """Verifies a launch's record, or prints its head."""


@command.command("verify")
@click.argument("launch")
@click.option(
    "--environment",
    type=click.Path(path_type=Path),
    help="The environment file that says where its heads are. Without it the record itself says so, forged or not.",
)
@click.option(
    "--anchor", "anchors", multiple=True, help="A head written down elsewhere, as Slack shows it: LAUNCH#12:<hash>."
)
@click.option("--offline", is_flag=True, help="Do not read the anchors in S3.")
def verify(launch: str, environment: Path | None, anchors: tuple[str, ...], offline: bool) -> None:
    """Finds any edited, deleted, reordered or cut event.

    Exits 0 where it is whole, 1 where it is not, 4 where that is not proven: a head that there should be outside could
    not be read, or none is there although a phase ended.
    """
    from tminus.errors import UsageError
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.ledger.verifying import other_witness
    from tminus.ledger.verifying import verify as look

    given = _given(environment)
    heads = [_head(anchor) for anchor in anchors]
    with closing(open_ledger(named_ledger())) as store:
        found = look(store, launch, heads)
        # What the record says of itself can be believed once it fits together, and no further than that.
        record = _record(store.read(launch)) if found.known and not found.faults else None
        own = _own(record) if record else None
        heard = _Heard() if offline else _heard(given or own, launch, record, heads)
        found = look(store, launch, [*heads, *heard.heads])
    if not found.known:
        raise UsageError(f"no launch is called {launch!r}; `tminus status` lists them")
    faults = [*found.faults, *([other_witness(own, given)] if own and given else [])]
    if any(faults):
        raise Broken(f"{launch} is NOT whole: {'; '.join(filter(None, faults))}")
    if record and (unsigned := _unsigned(record)):
        raise Broken(f"{launch} is whole, but holds decisions that are not proven and do not count: {unsigned}")
    _say(launch, found, heard, given, own)


def _say(
    launch: str, found: "Verification", heard: _Heard, given: "Environment | None", own: "Environment | None"
) -> None:
    tail = f"the last {found.unanchored} are not anchored outside" if found.unanchored else "the tail is anchored"
    said = f"{found.events} events, {found.anchors} anchors agree, {tail}."
    if heard.missing:
        click.echo(f"{launch} fits together, but is NOT PROVEN whole: {'; '.join(heard.missing)}. {said}", err=True)
    elif not found.anchors:
        click.echo(f"{launch} fits together; with no head from outside its end could be cut off unseen: {said}")
    else:
        click.echo(f"{launch} is whole: {said}")
    if given is None and own is not None:
        places = ", ".join(own.anchors) or "nowhere"
        click.echo(f"Where it is anchored ({places}) is by its own word; --environment FILE says it independently.")
    click.echo(f"Head: {found.head}")
    if heard.missing:
        click.get_current_context().exit(UNPROVEN)


def _given(path: Path | None) -> "Environment | None":
    from tminus.environment import Environment
    from tminus.yaml_source import Source

    return None if path is None else Source.read(path).load(Environment)


def _own(record: "Record") -> "Environment | None":
    """What the launch froze; None where the chain is no launch's. Raises Broken where that makes no sense."""
    from tminus.errors import BookError
    from tminus.frozen import Frozen

    try:
        return None if record.created is None else Frozen(record.created, {}).environment
    except BookError as e:
        raise Broken(f"the environment in the record's first event cannot be read: {e}") from e


def _heard(place: "Environment | None", launch: str, record: "Record | None", told: "list[Head]") -> _Heard:
    """The heads in S3, and what is missing of those that should be outside; `told` are those given by hand."""
    from tasks.anchoring import read_anchors
    from tminus.errors import CouldNotObserve
    from tminus.events import PhaseEnded

    if place is None or not place.anchors:
        return _Heard()
    heads: tuple[Head, ...] = ()
    missing: tuple[str, ...] = ()
    if "s3" in place.anchors:
        try:
            found = read_anchors(place, launch)
        except CouldNotObserve as e:
            return _Heard(missing=() if told else (f"its anchors cannot be read ({e}); give a head with --anchor",))
        heads, missing = found.heads, found.unreadable
    ended = {event.phase for event in record.events if isinstance(event, PhaseEnded)} if record else set()
    if ended and not heads and not told:
        where = ", ".join(place.anchors)
        said = f"{len(ended)} phases ended, and no head of it is known from {where}; give one with --anchor"
        missing = (*missing, said)
    return _Heard(heads, missing)


def _record(stored: "Sequence[Stored]") -> "Record":
    from tminus.record import Record

    return Record.of(stored)


def _unsigned(record: "Record") -> str:
    from tminus.personal_key import unsigned_decisions

    return "; ".join(unsigned_decisions(record.created, record.events))


def _head(text: str) -> "Head":
    from tminus.errors import UsageError
    from tminus.ledger.chain import Head

    try:
        return Head.parse(text)
    except ValueError as e:
        raise UsageError(f"--anchor: {e}") from e
