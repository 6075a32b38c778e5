"""`tminus restore`: live data switched to a restored copy, approved by a second person; and back."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from cli.backup_files import opened, with_backup_files
from cli.deciding import key_option
from tminus.errors import Refused, UsageError

if TYPE_CHECKING:
    from flows.restore_planning import Plan
    from tminus.backups.opened import OpenedBackups
    from tminus.events import RestoreEnded
    from tminus.ledger.store import Store
    from tminus.personal_key import PersonalKey

_NOT_DONE = 1


class _Words(TypedDict):
    """Who speaks, and what they say of it."""

    people: Path | None
    reason: str
    unsaved: str
    halted: str
    yes: bool
    key_file: Path | None


@click.command("restore")
@click.argument("store", required=False)
@click.argument("instant", required=False)
@with_backup_files
@click.option("--people", type=click.Path(path_type=Path), envvar="TMINUS_PEOPLE", help="Who may approve: people.yaml.")
@click.option("--reason", default="", help="Why, for the record and for whoever is asked.")
@click.option(
    "--dry-run", "doing", flag_value="plan", help="Only say which backup would be used, and what would be lost."
)
@click.option("--unsaved", default="", metavar="WHY", help="Do not back up first what is there now.")
@click.option(
    "--halted",
    default="",
    metavar="WHY",
    help="Nothing answers the book's check that nobody trades: how you know it. Whoever approves attests it.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--resume", "doing", flag_value="resume", help="Go on with the one that broke off.")
@click.option(
    "--give-up", "doing", flag_value="give up", help="End the one that is not switched yet; the store stays as it is."
)
@click.option(
    "--undo", "doing", flag_value="undo", help="Within 4 h: switch STORE back to what was live before its last restore."
)
@key_option
def command(
    runbook: Path,
    environment: Path,
    store: str | None,
    instant: str | None,
    doing: str | None,
    **words: Unpack[_Words],
) -> None:
    """Switches STORE to what it was at an instant.

    To a copy, restored beside it and proven first.
    INSTANT has a zone: 2026-11-22T18:00:00+01:00. It says which backup is used and what is lost, asks a second person
    (`tminus approve`), backs up what is there now, restores beside it, looks at the copy as a verification does, and
    switches by name once trading is halted. What was live stays, under another name. Killed at any moment and started
    again with --resume, it is switched whole or not at all.

    Exits 0 where it is switched, 1 where it is not, 2 where it was asked wrongly, 3 where a rule says no.
    """
    from contextlib import closing

    from tminus.foreign_text import printable

    if doing not in {None, "plan"} and (words["unsaved"] or words["halted"]):
        raise UsageError("--unsaved and --halted are said as a restore is asked for; whoever approves must see them")
    found = opened(runbook, environment)
    if doing == "plan":
        click.echo("\n".join(_planned(found, *_asked(store, instant), words).lines))
        return
    with closing(found.store()) as ledger:
        match doing:
            case "resume":
                ended = _resumed(ledger, found)
            case "give up":
                ended = _given_up(ledger, found, words)
            case "undo":
                ended = _undone(ledger, found, store, words)
            case _:
                _refuse_beside(ledger, found)
                plan = _planned(found, *_asked(store, instant), words)
                ended = _restored(ledger, plan, runbook, environment, words)
    click.echo(printable(ended.sentence))
    if not ended.done:
        click.get_current_context().exit(_NOT_DONE)


def _restored(ledger: "Store", plan: "Plan", runbook: Path, environment: Path, words: "_Words") -> "RestoreEnded":
    import asyncio

    from flows.restore import carry_out
    from flows.restore_asking import ask, how_to_answer
    from tminus.restores.papers import Papers

    people, key = _people(words), _key(words)
    papers = Papers.read(runbook, people, environment)
    click.echo("\n".join(plan.lines))
    if not words["yes"]:
        click.confirm("Ask a second person to approve this?", abort=True)
    chain = ask(ledger, papers, plan, key, words["reason"], words["unsaved"], words["halted"])
    click.echo(f"Asked: {chain}\n  {how_to_answer(ledger, chain)}")
    return asyncio.run(carry_out(ledger, chain, click.echo))


def _planned(found: "OpenedBackups", store: str, instant: str, words: "_Words") -> "Plan":
    import asyncio

    from flows.restore_planning import plan
    from tminus.clock import now
    from tminus.restores.instant import parse_instant

    moment = parse_instant(instant, now())
    found.named((store,))
    return asyncio.run(plan(found, store, moment, words["unsaved"], words["halted"]))


def _asked(store: str | None, instant: str | None) -> tuple[str, str]:
    if store is None or instant is None:
        raise UsageError("restore what, and to when? `tminus restore STORE 2026-11-22T18:00:00+01:00`")
    return store, instant


def _resumed(ledger: "Store", found: "OpenedBackups") -> "RestoreEnded":
    import asyncio

    from flows.restore import carry_out
    from flows.restore_back import carry_back
    from tminus.chain_names import taken_back

    chain = _holding(ledger, found)
    return asyncio.run((carry_back if taken_back(chain) else carry_out)(ledger, chain, click.echo))


def _given_up(ledger: "Store", found: "OpenedBackups", words: "_Words") -> "RestoreEnded":
    import asyncio

    from flows.restore_back import give_up, give_up_back
    from tminus.chain_names import taken_back

    chain, key, why = _holding(ledger, found), _key(words), _why(words)
    if taken_back(chain):
        ended = asyncio.run(give_up_back(ledger, chain, key, why))
    else:
        ended = asyncio.run(give_up(ledger, chain, key, why, click.echo))
    return ended.model_copy(update={"done": True})  # it is what was asked for


def _undone(ledger: "Store", found: "OpenedBackups", store: str | None, words: "_Words") -> "RestoreEnded":
    import asyncio

    from flows.restore_back import last_switched, leaving, take_back
    from tminus.people import People
    from tminus.yaml_source import Source

    if store is None:
        raise UsageError("take back which store's restore? `tminus restore --undo STORE`")
    found.named((store,))
    people = Source.read(_people(words)).load(People)
    key, why, chain = _key(words), _why(words), last_switched(ledger, found, store)
    click.echo(leaving(ledger, chain))
    if not words["yes"]:
        click.confirm("Switch back?", abort=True)
    return asyncio.run(take_back(ledger, chain, key, why, people, click.echo))


def _holding(ledger: "Store", found: "OpenedBackups") -> str:
    """The restore that holds the environment; raises UsageError where none does."""
    from tminus.chain_names import is_restore

    place = found.environment.environment
    holder = ledger.locked_by(place)
    if holder is None or not is_restore(holder):
        raise UsageError(f"no restore is under way in {place}: it is held by {holder or 'nobody'}")
    return holder


def _refuse_beside(ledger: "Store", found: "OpenedBackups") -> None:
    """Before anything is looked at: never beside a launch, an operation or another restore."""
    from tminus.chain_names import is_restore

    place = found.environment.environment
    holder = ledger.locked_by(place)
    if holder is None:
        return
    go_on = "; `tminus restore --resume` goes on with it, `--give-up` ends it" if is_restore(holder) else ""
    raise Refused(f"{place} is held by {holder}, and a restore runs beside nothing{go_on}. Nothing was changed")


def _key(words: "_Words") -> "PersonalKey":
    from tminus.personal_key import PersonalKey

    if words["key_file"] is None:
        raise UsageError("whose word is it? Give --key, or set TMINUS_KEY to your private key's path")
    return PersonalKey(words["key_file"])


def _people(words: "_Words") -> Path:
    if words["people"] is None:
        raise UsageError("who may approve it? Give --people, or set TMINUS_PEOPLE to people.yaml's path")
    return words["people"]


def _why(words: "_Words") -> str:
    if not words["reason"]:
        raise UsageError("why? Give --reason, for the record")
    return words["reason"]
