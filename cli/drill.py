"""`tminus drill`: something real is broken on purpose, brought back, and measured meanwhile."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from cli.book_files import with_book_files
from cli.deciding import key_option
from cli.drill_lever import move
from tminus.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from flows.drill_round import Request
    from tminus import events as ev
    from tminus.drills.opened import OpenedDrills
    from tminus.ledger.store import Store


class _Words(TypedDict):
    """Who speaks, and what they say of it."""

    people: Path | None
    override_calendar: bool
    reason: str
    key_file: Path | None


_CODES = {"held": 0, "missed": 1, "undone": 1, "not undone": 4}
_UNDO_CODES = {"held": 0, "missed": 0, "undone": 0, "not undone": 4}  # undoing succeeds, whatever became of the drill


@click.command("drill")
@click.argument("name", metavar="[NAME]", default="")
@with_book_files("drills")
@click.option("--undo", is_flag=True, help="Undo what NAME's last drill broke, where that is not proven yet.")
@click.option("--stop", is_flag=True, help="End all drills of the system here, and let none begin.")
@click.option("--allow", is_flag=True, help="Let drills begin again.")
@click.option("--override-calendar", is_flag=True, help="Ask for a yes to begin outside the calendar, with --reason.")
@click.option("--people", type=click.Path(path_type=Path), envvar="TMINUS_PEOPLE", help="Who may approve: people.yaml.")
@click.option("--reason", default="", help="Why, for the record and for whoever is asked.")
@key_option
def command(
    runbook: Path, environment: Path, name: str, *, undo: bool, stop: bool, allow: bool, **words: Unpack[_Words]
) -> None:
    """Breaks something real, and measures.

    What NAME says is broken on purpose, once somebody else said yes where the book wants that; it is recovered, and
    brought back as it was.

    Killed at any moment and started again, it undoes first and breaks nothing more.

    Ctrl-C ends it in order: what was broken is undone. The second Ctrl-C leaves it as it is.

    Exits 0 where it went through and all promises held, or where --undo brought all back; 1 where a promise was missed
    or the drill broke off and all is as before, 2 where it was asked wrongly, 3 where a rule says no or nobody could
    look at something first, so that nothing was broken, 4 where a person is needed: not all is as before.
    """
    from contextlib import closing

    from flows import drill_round

    if stop or allow:
        _require_alone(name, undo=undo, stop=stop, allow=allow)
        move(runbook, environment, "stop" if stop else "allow", words["reason"])
        return
    found = drill_round.opened_drills(runbook, environment)
    if not name:
        raise UsageError(f"drill which? {', '.join(found.book.scenarios)}")
    with closing(found.store()) as store:
        drill_round.require_in_book(store, found, name)
        doing = (
            drill_round.undo(store, found, name, click.echo)
            if undo
            else drill_round.drill(store, found, name, click.echo, _request(found, name, words))
        )
        ended = _ended(store, found, name, doing)
    click.echo(f"{ended.how}: {ended.sentence}")
    click.get_current_context().exit((_UNDO_CODES if undo else _CODES)[ended.how])


def _require_alone(name: str, *, undo: bool, stop: bool, allow: bool) -> None:
    """Raises UsageError where the lever and something else are asked at once: whoever types both wants one of them."""
    if stop and allow:
        raise UsageError("--stop and --allow say the opposite: give one of them. Nothing was changed")
    if name or undo:
        raise UsageError(
            f"--{'stop' if stop else 'allow'} is of all drills of the system, and goes with no name and no --undo. "
            "Nothing was changed"
        )


def _ended(
    store: "Store", found: "OpenedDrills", name: str, doing: "Coroutine[object, object, ev.DrillEnded]"
) -> "ev.DrillEnded":
    """How it ended; says what is left where it was broken off for good."""
    from cli.interruptible import BrokenOff, run
    from tminus.errors import ActionFailed, CouldNotObserve, FencedOff, LeftBroken, NotConfigured, Refused

    try:
        return run(doing)
    except NotConfigured as e:
        raise UsageError(f"{e}. Nothing was broken") from e
    except (CouldNotObserve, ActionFailed) as e:  # a drill that has begun ends, whatever happens to it
        raise Refused(f"{e}. Nothing was broken") from e
    except FencedOff as e:
        raise Refused(f"{name}: {e}; another process goes on with it") from e
    except LeftBroken as e:
        click.echo(f"not undone: {e}")
        click.get_current_context().exit(_CODES["not undone"])
    except BrokenOff:
        if (left := found.course(store, name).unproven) is None:
            raise Refused(f"{name}: interrupted; nothing is broken") from None
        click.echo(f"not undone: {name} was broken off in {left.stage or 'its beginning'}, and is left as it is.")
        click.echo(f"To bring it back: tminus drill {name} --undo")
        click.get_current_context().exit(_CODES["not undone"])


def _request(found: "OpenedDrills", name: str, words: "_Words") -> "Request":
    """Whose drill it is; by their own key, where somebody else must approve it."""
    from cli.host_user import typed_by
    from flows.drill_round import Request
    from tminus.people import People
    from tminus.personal_key import PersonalKey
    from tminus.yaml_source import Source

    roles = " or ".join(found.book.scenarios[name].approvers)
    people, key, override = words["people"], words["key_file"], words["override_calendar"]
    if override and not words["reason"]:
        raise UsageError("why must the calendar be overridden? Give --reason, for the record and for whoever is asked")
    if not roles and not override:
        return Request(typed_by(), words["reason"])
    if people is None:
        who = roles or "somebody"
        raise UsageError(
            f"{name} begins once {who} said yes: give --people, or set TMINUS_PEOPLE to people.yaml's path"
        )
    if key is None:
        raise UsageError("whose word is it? Give --key, or set TMINUS_KEY to your private key's path")
    person = PersonalKey(key).owner(Source.read(people).load(People), str(people))
    return Request(person.id, words["reason"], people, override=override)
