"""`tminus pending`: what waits for people, for people and for programs."""

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tminus.events import AskOpened

# A briefing's title and headings, for Slack, each at a line's beginning: no `rm *.log *.tmp` is one, nor is `2 * 3`.
_BOLD = re.compile(r"(?m)^\*(?![\s./])([^*\n]+)(?<![\s./])\*(?=[.,:;]?(?:\s|$))")


@click.command("pending")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def command(as_json: bool) -> None:
    """Lists every open question, and how to say yes to it.

    Of every launch and sign-off, whole, with the command that says yes; each line of the question's own text begins
    with `|`. One whose deadline has passed is left out: nothing that is said to it could count any more. With --json
    the text is as it is stored.
    """
    import json

    from tminus.asking import how_to_answer

    found = list(_open_questions())
    if as_json:
        told = [
            {
                "launch": launch,
                "request": opened.ask,
                "roles": list(opened.roles),
                "kind": opened.kind,
                "until": _until(opened),
                "digest": opened.decision_digest,
                "text": opened.text,
                "answer": how_to_answer(launch, opened),
            }
            for launch, opened in found
        ]
        click.echo(json.dumps(told))
        return
    for launch, opened in found:
        click.echo(f"{launch}  {opened.kind}  {opened.ask}  asks {', '.join(opened.roles)}  until {_until(opened)}")
        for line in plain(opened.text).splitlines():
            click.echo(f"    | {line}".rstrip())
        click.echo(f"    {how_to_answer(launch, opened)}")
    if not found:
        click.echo("Nothing waits for people.")


def _open_questions() -> "Iterator[tuple[str, AskOpened]]":
    from contextlib import closing

    from tminus.clock import now
    from tminus.errors import LedgerError, LedgerUnreachable
    from tminus.ledger.logbook import DIRECTORY, Logbook
    from tminus.ledger.opening import named_ledger, open_ledger

    moment = now()
    with closing(open_ledger(named_ledger())) as store:
        for chain in store.chains():
            if chain == DIRECTORY:
                continue
            try:
                record = Logbook(store, chain).refresh()
            except LedgerUnreachable:
                raise
            except LedgerError as e:  # one chain that cannot be read hides no other
                click.echo(f"tminus: {e}", err=True)
                continue
            for ask in record.open_asks():
                if record.closed is None and moment <= ask.opened.deadline:
                    yield chain, ask.opened


def plain(text: str) -> str:
    """A question as a terminal shows it: whole, its headings without what only Slack turns into bold.

    It steers no terminal.
    """
    from tminus.foreign_text import printable

    return _BOLD.sub(r"\1", printable(text))


def _until(opened: "AskOpened") -> str:
    return f"{opened.deadline:%Y-%m-%d %H:%M:%S} UTC"
