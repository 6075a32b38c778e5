"""`tminus rotate --at-once`: whom it asks and what it shows before, and how it ends for each answer."""

import threading
from contextlib import closing
from datetime import timedelta
from time import sleep

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from flows.secret_ages import states
from tasks.rotators.rotator import Census, Turn, Use
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import WHY, Tminus, answer_when_asked
from tminus import asked_change
from tminus.asking import how_to_answer
from tminus.chain_names import is_rotation_asked
from tminus.clock import now
from tminus.ledger.logbook import Logbook
from tminus.rotations.document import Document
from tminus.rotations.papers import ASK

_TRIES = 400  # of 20 ms


def test_a_leak_is_cut_off_once_somebody_else_said_yes(tminus: Tminus, room: Room) -> None:
    """Who is cut off is shown first; the asker's own yes is refused, another's counts, and the old value is dead."""
    edit_leaked(room, ["security_lead", "devops_lead"])
    own: list[Result] = []

    def answer() -> None:
        own.append(own_yes(room, "guard"))
        answer_when_asked(room, "asker", "approve")

    answering = threading.Thread(target=answer)
    answering.start()
    came = tminus("rotate", NAME, "--at-once", *WHY, by="guard", typed="y\n")
    answering.join()
    assert came.exit_code == 0, came.output
    order = ("is cut off at once from whoever uses it", "Ask security_lead or", ": asked security_lead or")
    shown = [came.output.find(one) for one in order]
    assert -1 < shown[0] < shown[1] < shown[2], came.output
    assert own[0].exit_code != 0
    assert "asked for this rotation, and nobody approves their own" in own[0].output
    assert not room.door.opens(FIRST)
    assert room.door.opens(room.value())


def test_where_nobody_can_confirm(tminus: Tminus, room: Room) -> None:
    """Without a terminal it exits 2 and names --yes."""
    came = tminus("rotate", NAME, "--at-once", *WHY, by="asker", typed="")
    assert (came.exit_code, "without a terminal: give --yes" in came.output) == (2, True), came.output
    assert room.value() == FIRST


def test_an_open_question_stands_beside_the_secret(tminus: Tminus, room: Room) -> None:
    """Whoever looks at the secrets sees that one leaked and waits for a yes, and how that is given."""
    shown: list[str] = []

    def look() -> None:
        for _ in range(_TRIES):
            with closing(room.store()) as store:
                if list(filter(is_rotation_asked, store.chains())):
                    shown.extend(one.said() for one in states(store, room.opened()))
                    break
            sleep(0.02)
        answer_when_asked(room, "guard", "reject")

    answering = threading.Thread(target=look)
    answering.start()
    came = tminus("rotate", NAME, "--at-once", "--yes", *WHY, by="asker")
    answering.join()
    assert came.exit_code == 3, came.output
    assert f"{NAME}: asked security_lead until " in came.output
    [said] = shown
    assert said.startswith("it leaked, and is cut off once somebody said yes: tminus approve rotation."), said
    assert "it leaked" not in tminus("secrets", "--json").output


def test_whoever_used_what_was_before_is_not_cut_off(tminus: Tminus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is named used the login since its current value was made; a use before that was of another value."""

    async def census(_self: DoorKey, _turn: Turn, _new: Document) -> Census:
        long_ago, since = now() - timedelta(days=3), now() - timedelta(days=7)
        return Census(
            [Use("of before", 3, long_ago), Use("of now", 2, now() + timedelta(seconds=1))], "the door", since
        )

    monkeypatch.setattr(DoorKey, "census", census)
    came = tminus("rotate", NAME, "--at-once", "--dry-run", *WHY, by="asker")
    assert "of now" in came.output
    assert "of before" not in came.output


def test_whoever_does_not_confirm_asks_nobody(tminus: Tminus, room: Room) -> None:
    """Nothing is asked, and nothing changed."""
    came = tminus("rotate", NAME, "--at-once", *WHY, by="asker", typed="n\n")
    assert came.exit_code == 1
    assert room.value() == FIRST
    with closing(room.store()) as store:
        assert not list(filter(is_rotation_asked, store.chains()))


def test_a_no_is_a_refusal(tminus: Tminus, room: Room) -> None:
    """Exit 3, and the value works on."""
    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "reject"))
    answering.start()
    came = tminus("rotate", NAME, "--at-once", "--yes", *WHY, by="asker")
    answering.join()
    assert (came.exit_code, f"{NAME} was not cut off" in came.output) == (3, True), came.output
    assert room.door.opens(FIRST)


def test_silence_is_one_too(tminus: Tminus, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the time is up: exit 3."""
    monkeypatch.setattr(asked_change, "PATIENCE", timedelta(seconds=0.5))
    came = tminus("rotate", NAME, "--at-once", "--yes", *WHY, by="asker")
    assert (came.exit_code, f"{NAME} was not cut off" in came.output) == (3, True), came.output
    assert room.door.opens(FIRST)


def test_where_nobody_else_could_say_yes(tminus: Tminus, room: Room) -> None:
    """The only one with the role asks: exit 2, before anybody waits."""
    came = tminus("rotate", NAME, "--at-once", "--yes", *WHY, by="guard")
    assert came.exit_code == 2, came.output
    assert "let somebody else ask" in came.output
    assert room.value() == FIRST


def edit_leaked(room: Room, roles: list[str]) -> None:
    """The book says that one of these approves."""
    file = room.folder / "secrets.yaml"
    file.write_text(file.read_text("utf-8").replace("leaked:\n- security_lead", "leaked:\n- " + "\n- ".join(roles)))


def own_yes(room: Room, person: str) -> Result:
    """What somebody is told who approves the open question."""
    for _ in range(_TRIES):
        with closing(room.store()) as store:
            for chain in filter(is_rotation_asked, store.chains()):
                ask = Logbook(store, chain).refresh().asks.get(ASK)
                if ask is not None:
                    _, *words = how_to_answer(chain, ask.opened).split()
                    ledger = {"TMINUS_LEDGER": f"sqlite:{room.folder / 'ledger.db'}"}
                    return CliRunner().invoke(main, [*words, "--key", str(room.folder / person)], env=ledger)
        sleep(0.02)
    raise AssertionError("nobody was asked")


def test_a_dry_run_of_a_leak_cuts_nobody_off(tminus: Tminus, room: Room) -> None:
    """In either order of the words; of what has no dry run it is refused."""
    for words in (("--at-once", "--dry-run"), ("--dry-run", "--at-once")):
        came = tminus("rotate", NAME, *words, *WHY, by="asker")
        assert came.exit_code == 0, came.output
        with closing(room.store()) as store:
            assert not list(filter(is_rotation_asked, store.chains()))
    refused = tminus("rotate", NAME, "--undo", "--dry-run", *WHY, by="asker")
    assert (refused.exit_code, "--dry-run says what a rotation" in refused.output) == (2, True)


def test_a_piped_value_leaves_nobody_to_confirm(tminus: Tminus, room: Room) -> None:
    """What would be read as the answer is the value: exit 2, and --yes is named."""
    came = tminus("rotate", NAME, "--at-once", "--given", *WHY, by="asker", typed='{"password": "piped"}')
    assert (came.exit_code, "give --yes too" in came.output) == (2, True), came.output
    assert room.value() == FIRST
