"""Asking back before something is done: what will come of it, and what a no, or nobody there to ask, comes to."""

from typing import TYPE_CHECKING, NoReturn

import click

from tminus.errors import UsageError

if TYPE_CHECKING:
    from cli.deciding import Desk
    from tminus.events import Order


def confirm(question: str, *, otherwise: str = "Nothing was recorded.") -> None:
    """Returns after a yes. A no ends the command with exit code 1, and says what it came to.

    Raises UsageError where nobody answers, since there is no terminal: a script gives --yes.
    """
    from tminus.foreign_text import printable

    try:
        yes = click.confirm(printable(question))
    except click.Abort as e:
        unanswered(e, otherwise, "A script gives --yes")
    if not yes:
        _end(otherwise)


def unanswered(broken_off: click.Abort, otherwise: str, instead: str) -> NoReturn:
    """Ends the command where a question was broken off; raises UsageError where there is no terminal to answer in."""
    import sys

    click.echo()
    if sys.stdin.isatty():
        _end(otherwise)
    said = f"{otherwise[:1].lower()}{otherwise[1:].rstrip('.')}"
    raise UsageError(f"nobody answered, since there is no terminal; {said}. {instead}") from broken_off


def _end(otherwise: str) -> NoReturn:
    click.echo(otherwise, err=True)
    click.get_current_context().exit(1)


def ask_back(desk: "Desk", order: "Order", question: str) -> str:
    """Says what an order comes to as things stand, and asks; returns what was said.

    Asked again only where the first change began meanwhile, so that a scrub became a rollback. More changes than were
    said do not matter: a yes to a rollback is never thrown away.
    Raises Refused, which is written down, where the order would not count whatever is answered.
    """
    from tminus import inbox
    from tminus.clock import now
    from tminus.ordering import what_comes_of, why_order_refused

    given = desk.ordered(order, "")
    while True:
        record = desk.book.record
        if why := why_order_refused(given, record, desk.frozen, now()):
            inbox.refuse(desk.book, given.person, order, why, given.via)
        said, began = what_comes_of(record), record.change_began
        confirm(f"{said}\n{question}")
        if desk.book.refresh().change_began == began:
            return said
