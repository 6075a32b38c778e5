"""`tminus pending`: what waits for people, for people and for programs."""

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tminus.events import AskOpened
    from tminus.record import AskState, Record

# A briefing's title and headings, for Slack, each at a line's beginning: no `rm *.log *.tmp` is one, nor is `2 * 3`.
_BOLD = re.compile(r"(?m)^\*(?![\s./])([^*\n]+)(?<![\s./])\*(?=[.,:;]?(?:\s|$))")


@click.command("pending")
@click.argument("launch", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def command(launch: str | None, as_json: bool) -> None:
    """Lists every open question, and how to say yes to it.

    Of every launch and sign-off, or of one LAUNCH, whole, with whom it still waits for and the command that says yes;
    each line of the question's own text begins with `|`. One whose deadline has passed is left out: nothing that is
    said to it could count any more. With --json the text is as it is stored.
    """
    import json

    from tminus.asking import how_to_answer
    from tminus.foreign_text import one_line, printable

    found = list(_open_questions(launch))
    if as_json:
        told = [
            {
                "launch": chain,
                "request": opened.ask,
                "roles": list(opened.roles),
                "missing": missing,
                "kind": opened.kind,
                "until": _until(opened),
                "digest": opened.decision_digest,
                "text": opened.text,
                "answer": how_to_answer(chain, opened),
            }
            for chain, opened, missing, _waits in found
        ]
        click.echo(json.dumps(told))
        return
    for chain, opened, _missing, waits in found:
        click.echo(f"{chain}  {opened.kind}  {opened.ask}  {one_line(printable(waits))}  until {_until(opened)}")
        for line in plain(opened.text).splitlines():
            click.echo(f"    | {line}".rstrip())
        click.echo(f"    {how_to_answer(chain, opened)}")
    if not found:
        click.echo(f"Nothing waits for people{f' in {launch}' if launch else ''}.")


def _open_questions(named: str | None) -> "Iterator[tuple[str, AskOpened, dict[str, int], str]]":
    """Of one chain or of all: the question, the seats that nobody fills yet, and what it waits for, in words."""
    from contextlib import closing

    from cli.deciding import not_there
    from tminus.clock import now
    from tminus.errors import LedgerError, LedgerUnreachable, UsageError
    from tminus.ledger.logbook import DIRECTORY, Logbook
    from tminus.ledger.opening import named_ledger, open_ledger

    moment = now()
    with closing(open_ledger(named_ledger())) as store:
        chains = store.chains()
        if named is not None and named not in chains:
            raise UsageError(not_there(store, named))
        for chain in chains if named is None else [named]:
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
                    yield chain, ask.opened, *_waits(record, ask)


def _waits(record: "Record", ask: "AskState") -> "tuple[dict[str, int], str]":
    from tminus.asking import judge, name_of
    from tminus.frozen import Frozen

    if record.created is None:
        return dict(ask.opened.roles), f"asks {', '.join(ask.opened.roles)}"
    people = Frozen(record.created, {}).people
    judged = judge(ask, people)
    if judged.rejected is not None:
        return {}, f"{name_of(people, judged.rejected.person)} said no"
    return dict(judged.seating.missing), judged.waits or "waits for its end"


def plain(text: str) -> str:
    """A question as a terminal shows it: whole, its headings without what only Slack turns into bold.

    It steers no terminal.
    """
    from tminus.foreign_text import printable

    return _BOLD.sub(r"\1", printable(text))


def _until(opened: "AskOpened") -> str:
    return f"{opened.deadline:%Y-%m-%d %H:%M:%S} UTC"
