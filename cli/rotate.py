"""`tminus rotate`: a secret replaced by a new one, both working until nobody uses the old one any more."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from cli.book_files import with_book_files
from cli.deciding import key_option
from tminus.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flows.rotation_orders import Word
    from flows.rotation_visit import Visited, Wish
    from tminus.ledger.store import Store
    from tminus.rotations.document import Document
    from tminus.rotations.opened import OpenedSecrets

_CODES = {"broke off": 1, "refused": 3, "not approved": 3}


class _Words(TypedDict):
    """Who speaks, and what they say of it."""

    people: Path | None
    reason: str
    given: bool
    dry_run: bool
    yes: bool
    override_calendar: bool
    key_file: Path | None


@click.command("rotate")
@click.argument("secrets", metavar="[SECRET]...", nargs=-1)
@with_book_files("secrets")
@click.option("--due", is_flag=True, help="Every secret that is due, and every rotation under way.")
@click.option("--at-once", is_flag=True, help="SECRET leaked: cut it off, once somebody said yes.")
@click.option("--undo", is_flag=True, help="Turn SECRET's open rotation back.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and who uses SECRET now.")
@click.option(
    "--given", is_flag=True, help="You made the new value: it is asked for without being shown, or read piped."
)
@click.option("--people", type=click.Path(path_type=Path), envvar="TMINUS_PEOPLE", help="Who may approve: people.yaml.")
@click.option("--reason", default="", help="Why, for the record and for whoever is asked.")
@click.option("--override-calendar", is_flag=True, help="Begin outside the calendar, by your role and with --reason.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@key_option
def command(
    runbook: Path,
    environment: Path,
    secrets: tuple[str, ...],
    *,
    due: bool,
    at_once: bool,
    undo: bool,
    **words: Unpack[_Words],
) -> None:
    """Replaces each SECRET by a new one.

    Or goes on where its rotation stands. The new one is made, set beside the old one, tested for what it must and must
    not open, and made current. The old one goes on to work for the book's overlap, is switched off once nobody used it
    for a whole cycle, and goes for good after that. Killed at any moment and started again, it goes on from there.
    `tminus secrets` shows how all stand.

    Exits 0 where it went as far as it can go now, 1 where something broke off, 2 where it was asked wrongly, 3 where
    a rule says no.
    """
    from contextlib import closing

    doing = _doing({"due": due, "at once": at_once, "undo": undo})
    _require_sense(secrets, doing, words)
    if doing in {"at once", "undo"}:
        _word(words)  # before anybody is asked anything

    from flows.rotation_round import opened_secrets

    found = opened_secrets(runbook, environment)
    found.named(secrets)
    with closing(found.store()) as store:
        visits = list(_visits(store, found, secrets, doing, words))
    worst = max((_CODES.get(one.how, 0) for one in visits), default=0, key=lambda code: (code == 1, code))
    if worst:
        click.get_current_context().exit(worst)


def _doing(flags: "Mapping[str, bool]") -> str | None:
    given = [name for name, is_given in flags.items() if is_given]
    options = [f"--{name.replace(' ', '-')}" for name in given]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(options)} are {len(options)} orders; give one of them")
    return given[0] if given else None


def _require_sense(secrets: tuple[str, ...], doing: str | None, words: "_Words") -> None:
    one_only = doing in {"at once", "undo"} or words["given"]
    if one_only and len(secrets) != 1:
        raise UsageError(f"name the one secret that is meant; {len(secrets)} are named")
    if not secrets and doing != "due":
        raise UsageError("rotate which? Name a secret, or give --due; `tminus secrets` lists them")
    if words["override_calendar"] and (doing or words["dry_run"]):
        raise UsageError(
            "--override-calendar begins a rotation that is named, and goes with no other order; what leaked is cut off "
            "at any time"
        )
    if words["given"] and (doing in {"due", "undo"} or words["dry_run"]):
        raise UsageError("--given brings a new value, which only a rotation takes")
    if words["dry_run"] and doing in {"due", "undo"}:
        raise UsageError(f"--dry-run says what a rotation of SECRET would do; of --{doing} it says nothing")
    if words["given"] and doing == "at once" and not words["yes"] and not sys.stdin.isatty():
        raise UsageError("the new value is piped in, so nobody can be asked for confirmation: give --yes too")


def _visits(
    store: "Store", found: "OpenedSecrets", secrets: tuple[str, ...], doing: str | None, words: "_Words"
) -> "Iterator[Visited]":
    """One visit after the other, each told before the next begins."""
    import asyncio

    from flows import rotation_orders, rotation_round
    from flows.rotation_visit import Wish
    from flows.secret_rotation import visit_all

    if words["dry_run"]:
        for name in secrets:
            _plan(store, found, name)
    elif doing == "due":
        visits = asyncio.run(visit_all(found, secrets, words["people"], shown=False))
        yield from map(_told, visits)
        for name in set(secrets) - {one.secret for one in visits}:
            click.echo(f"{name} is not due.")
    elif doing == "undo":
        yield _told(asyncio.run(rotation_orders.turn_back(store, found, secrets[0], _word(words), click.echo)))
    elif doing == "at once":
        yield _told(_cut_off(store, found, secrets[0], words))
    else:
        wish = Wish(reason=words["reason"], given=_given(found, secrets[0]) if words["given"] else None)
        if words["override_calendar"]:
            wish = _overriding(found, wish, _word(words))
        for name in secrets:
            yield _told(asyncio.run(rotation_round.rotate(store, found, name, wish, click.echo, words["people"])))


def _told(visited: "Visited") -> "Visited":
    click.echo(visited.said)
    return visited


def _plan(store: "Store", found: "OpenedSecrets", name: str) -> None:
    import asyncio

    from flows.rotation_orders import blast_radius
    from tminus.clock import now
    from tminus.rotations.terminal import planned

    used = asyncio.run(blast_radius(store, found, name, click.echo))
    click.echo("\n".join(planned(found, name, found.course(store, name), used, now())))


def _cut_off(store: "Store", found: "OpenedSecrets", name: str, words: "_Words") -> "Visited":
    import asyncio

    from flows.rotation_orders import blast_radius, cut_off

    word = _word(words)
    given = _given(found, name) if words["given"] else None
    used = asyncio.run(blast_radius(store, found, name, click.echo))
    click.echo(f"{name} is cut off at once from whoever uses it:")
    for line in used:
        click.echo(f"  {line}")
    if not words["yes"]:
        _confirm(f"Ask {' or '.join(found.book.leaked)} to approve this?")
    return asyncio.run(cut_off(store, found, name, word, click.echo, given))


def _confirm(question: str) -> None:
    """Raises UsageError where nobody is there to answer, click.Abort where the answer is no."""
    try:
        yes = click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError("nobody can answer that here, without a terminal: give --yes") from None
    if not yes:
        raise click.Abort


def _word(words: "_Words") -> "Word":
    from flows.rotation_orders import Word
    from tminus.personal_key import PersonalKey

    if words["key_file"] is None:
        raise UsageError("whose word is it? Give --key, or set TMINUS_KEY to your private key's path")
    if words["people"] is None:
        raise UsageError("who are you? Give --people, or set TMINUS_PEOPLE to people.yaml's path")
    if not words["reason"]:
        raise UsageError("why? Give --reason, for the record")
    return Word(PersonalKey(words["key_file"]), words["people"], words["reason"])


def _overriding(found: "OpenedSecrets", wish: "Wish", word: "Word") -> "Wish":
    """The wish, with the rules of the calendar that whoever speaks overrides, where any bars it."""
    from dataclasses import replace

    from tminus.calendar.asking import barred
    from tminus.calendar.override import require_may_override
    from tminus.clock import now
    from tminus.people import People
    from tminus.yaml_source import Source

    outside = barred(found.environment, "rotation", now())
    if not outside:
        return wish
    person = word.key.owner(Source.read(word.people).load(People), str(word.people))
    require_may_override(found.environment, person, outside)
    return replace(wish, outside=outside, overridden_by=person.id)


def _given(found: "OpenedSecrets", name: str) -> "Document":
    """What a person made: typed without being shown, or the whole of what is piped in."""
    from pydantic import SecretStr

    from tminus.rotations.document import Document

    piped = "" if sys.stdin.isatty() else sys.stdin.read().strip()
    if not piped and not sys.stdin.isatty():
        raise UsageError("there is no terminal to type the new value into, and nothing was piped: pipe it")
    text = piped or str(click.prompt(f"The new value of {name}", hide_input=True, confirmation_prompt=True))
    return Document(SecretStr(text), f"{found.book.rotations[name].secret} (given)")
