"""`tminus rotate` and `tminus secrets`: what they want, what they print, and the code with which they end."""

import json
import threading
from time import sleep

import pytest

from tests.flows.rotations.room import FIRST, NAME, Room
from tests.flows.rotations.saying import WHY, Tminus, answer_when_asked, closed

_TRIES = 400  # of 20 ms


@pytest.mark.parametrize(
    ("words", "by", "said"),
    [
        ((), "", "rotate which? Name a secret, or give --due"),
        (("front-dor",), "", "no secret 'front-dor'; did you mean 'front-door'?"),
        (("--undo", *WHY), "guard", "name the one secret that is meant; 0 are named"),
        (("--undo", NAME, NAME, *WHY), "guard", "name the one secret that is meant; 2 are named"),
        (("--at-once", NAME, NAME, *WHY), "guard", "name the one secret that is meant; 2 are named"),
        (("--given", NAME, NAME), "", "name the one secret that is meant; 2 are named"),
        (("--given", "--due", NAME), "", "--given brings a new value, which only a rotation takes"),
        (("--given", "--undo", NAME), "", "--given brings a new value"),
        (("--given", "--dry-run", NAME), "", "--given brings a new value"),
        (("--undo", NAME, *WHY), "", "whose word is it? Give --key, or set TMINUS_KEY"),
        (("--undo", "--at-once", NAME, *WHY), "guard", "--at-once and --undo are 2 orders; give one of them"),
        (("--due", "--undo", NAME, *WHY), "guard", "--due and --undo are 2 orders; give one of them"),
        (("--given", NAME), "", "there is no terminal to type the new value into, and nothing was piped: pipe it"),
        (("--at-once", NAME, *WHY), "", "whose word is it? Give --key, or set TMINUS_KEY"),
        (("--undo", NAME), "guard", "why? Give --reason, for the record"),
    ],
)
def test_asked_wrongly(tminus: Tminus, room: Room, words: tuple[str, ...], by: str, said: str) -> None:
    """Exit 2 with what to type instead; nothing was changed."""
    came = tminus("rotate", *words, by=by)
    assert (came.exit_code, said in came.output) == (2, True), came.output
    assert room.value() == FIRST
    assert not room.course().rotations


def test_without_the_peoples_file_nobodys_word_counts(tminus: Tminus, room: Room) -> None:
    """A key alone is nobody's."""
    came = tminus("rotate", NAME, "--undo", *WHY, f"--key={room.folder / 'guard'}")
    assert came.exit_code == 2
    assert "who are you? Give --people, or set TMINUS_PEOPLE" in came.output


def test_a_rotation_goes_as_far_as_it_can(tminus: Tminus, room: Room) -> None:
    """Exit 0, each stage a line, then until when it waits; at once again it is refused with the time: exit 3."""
    room.policy(overlap="1h", cycle="1h")
    came = tminus("rotate", NAME)
    assert came.exit_code == 0, came.output
    for stage in ("create", "set", "test", "promote"):
        assert f"{NAME}: {stage}: " in came.output
    assert f"{NAME} waits until " in came.output
    again = tminus("rotate", NAME)
    assert again.exit_code == 3
    assert "another rotation may begin once it is gone, not before" in again.output


def test_what_breaks_off_says_how_to_go_on(tminus: Tminus, room: Room) -> None:
    """Exit 1, with the stage, why, and the command; typed, that goes on."""
    (room.folder / "trouble").write_text("before set")
    came = tminus("rotate", NAME)
    assert came.exit_code == 1
    assert f"{NAME}: set broke off: the door does not answer (before set); `tminus rotate {NAME}` goes" in came.output
    assert tminus("rotate", NAME).exit_code == 0
    assert room.value() != FIRST


def test_due_leaves_the_young_alone(tminus: Tminus, room: Room) -> None:
    """Nothing is due: exit 0, no word, and nothing changed; what is due is begun."""
    came = tminus("rotate", "--due")
    assert (came.exit_code, came.output) == (0, "")
    assert room.value() == FIRST
    room.policy(every="401 ms")
    for _ in range(_TRIES):
        assert tminus("rotate", "--due").exit_code == 0
        if room.value() != FIRST:
            return
        sleep(0.02)
    raise AssertionError("it never was due")


def test_one_that_is_not_due_is_said_so(tminus: Tminus, room: Room) -> None:
    """Where it was named beside --due."""
    came = tminus("rotate", "--due", NAME)
    assert (came.exit_code, came.output) == (0, f"{NAME} is not due.\n")
    assert room.value() == FIRST


def test_while_it_is_turned_back(tminus: Tminus, room: Room) -> None:
    """Another is refused with what goes on, and the history stands in the order of time."""
    room.policy(overlap="1h", cycle="1h")
    tminus("rotate", NAME)
    assert tminus("rotate", NAME, "--undo", *WHY, by="guard").exit_code == 0
    again = tminus("rotate", NAME)
    assert (again.exit_code, f"{NAME} is being turned back, until " in again.output) == (3, True), again.output
    told = tminus("secrets", NAME).output.splitlines()
    moments = [line[:19] for line in told[:-1]]
    assert moments == sorted(moments)
    assert any("guard: undo: it leaked" in line for line in told)


def test_a_dry_run_changes_nothing(tminus: Tminus, room: Room) -> None:
    """It says what would be done, whom it would ask and who uses the value; the ledger has no rotation after it."""
    before = room.stages()
    came = tminus("rotate", NAME, "--dry-run")
    assert came.exit_code == 0, came.output
    for said in (f"{NAME} ({room.secret}): a new value", "asks      nobody", "used by   seen by the door, since"):
        assert said in came.output
    assert (room.value(), room.stages()) == (FIRST, before)
    assert room.door.passwords == 1
    assert not room.course().rotations


def test_how_old_they_are(tminus: Tminus, room: Room) -> None:
    """A table, and the same for programs; one that is too old ends it with 1, as does one that cannot be looked at."""
    shown = tminus("secrets")
    assert shown.exit_code == 0
    assert "never rotated by tminus" in shown.output
    assert f"{NAME} was never rotated by tminus" in tminus("secrets", NAME).output
    (row,) = json.loads(tminus("secrets", "--json").output)
    assert (row["secret"], row["stored_as"], row["late"], row["every"]) == (NAME, room.secret, False, "30d")
    assert 0 <= row["age_days"] < 1
    room.policy(every="401 ms")
    while (late := tminus("secrets")).exit_code == 0:
        sleep(0.02)
    assert (late.exit_code, "late" in late.output) == (1, True)
    room.policy(every="30d", secret="house/nowhere")
    (row,) = json.loads((unknown := tminus("secrets", "--json")).output)
    assert unknown.exit_code == 1
    assert row["age_days"] is None
    assert row["unknown"]


def test_an_unknown_name_is_no_secret(tminus: Tminus) -> None:
    """Exit 2, with the nearest."""
    came = tminus("secrets", "front-dor")
    assert (came.exit_code, "did you mean 'front-door'?" in came.output) == (2, True), came.output


def test_what_happened_to_one(tminus: Tminus) -> None:
    """Each stage with its moment, and where it stands now."""
    tminus("rotate", NAME)
    said = tminus("secrets", NAME).output
    for word in ("begins: asked for", " create: ", " promote: ", "now ", "off waits until"):
        assert word in said


@pytest.mark.parametrize("stage", ["set", "census", "drop"])
def test_turned_back(tminus: Tminus, room: Room, stage: str) -> None:
    """Before promote, in the overlap and while the old one is off, the old one is current again: exit 0."""
    began(tminus, room, stage)
    if stage == "drop":
        room.policy(switched_off="1h")
        assert not room.door.opens(FIRST)
    came = tminus("rotate", NAME, "--undo", *WHY, by="guard")
    assert came.exit_code == 0, came.output
    assert room.value() == FIRST
    assert room.door.opens(FIRST)


def began(tminus: Tminus, room: Room, stage: str) -> None:
    """A rotation stands before that stage."""
    if stage == "drop":
        room.policy(switched_off="1h")
        for _ in range(20):
            tminus("rotate", "--due") if room.course().rotations else tminus("rotate", NAME)
            if "off" in room.course().rotations[-1].done:
                return
            sleep(0.1)
        raise AssertionError(room.course().rotations[-1])
    (room.folder / "trouble").write_text(f"before {stage}")
    tminus("rotate", NAME)


def test_what_is_dropped_is_not_turned_back(tminus: Tminus, room: Room) -> None:
    """Once that began: exit 3. Where nothing is open there is nothing to turn back: exit 3."""
    came = tminus("rotate", NAME, "--undo", *WHY, by="guard")
    assert (came.exit_code, "is under way, so there is nothing to turn back" in came.output) == (3, True)
    tminus("rotate", NAME)
    (room.folder / "trouble").write_text("before drop")
    for _ in range(20):
        if not (room.folder / "trouble").exists():
            break
        tminus("rotate", "--due")
        sleep(0.1)
    came = tminus("rotate", NAME, "--undo", *WHY, by="guard")
    assert (came.exit_code, "there is nothing to go back to" in came.output) == (3, True), came.output


def test_where_the_book_wants_a_yes_it_is_waited_for(tminus: Tminus, room: Room) -> None:
    """The question is asked, and the command ends; after the yes the next one goes on."""
    room.policy(approval=["security_lead"])
    came = tminus("rotate", NAME)
    assert (came.exit_code, "give --people, to ask them" in came.output) == (2, True)
    people = f"--people={room.folder / 'people.yaml'}"
    asked = tminus("rotate", NAME, people)
    assert (asked.exit_code, "asked security_lead" in asked.output) == (0, True), asked.output
    assert room.value() == FIRST
    answer_when_asked(room, "guard", "approve")
    assert tminus("rotate", NAME, people).exit_code == 0
    assert room.value() != FIRST


def test_what_became_of_the_first_is_told(tminus: Tminus, room: Room) -> None:
    """Where the second of two is refused, the first one's outcome stands there all the same."""
    room.policy(overlap="1h", cycle="1h")
    came = tminus("rotate", NAME, NAME)
    assert came.exit_code == 3
    assert f"{NAME} waits until" in came.output


def test_one_that_the_book_lost(tminus: Tminus, room: Room) -> None:
    """A rotation under way, of a secret that is not in the book any more, is not forgotten: exit 1, and its name."""
    tminus("rotate", NAME)
    file = room.folder / "secrets.yaml"
    file.write_text(file.read_text("utf-8").replace(f"  {NAME}:", "  another:").replace(room.secret, "house/another"))
    came = tminus("rotate", "--due")
    assert came.exit_code == 1, came.output
    assert f"{NAME} has a rotation under way, and the book has no such secret any more" in came.output


def test_outside_the_calendar(tminus: Tminus, room: Room) -> None:
    """By hand: exit 3, and when it may; by the schedule it waits, and what was begun goes on; a leak is cut off."""
    closed(room)
    came = tminus("rotate", NAME)
    assert (came.exit_code, "no rotation may be at" in came.output) == (3, True), came.output
    assert not room.course().rotations
    room.policy(every="401 ms")
    for _ in range(_TRIES):
        if (due := tminus("rotate", "--due")).output:
            break
        sleep(0.02)
    assert (due.exit_code, f"{NAME} is due: by the calendar" in due.output) == (0, True), due.output
    assert room.value() == FIRST
    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    cut = tminus("rotate", NAME, "--at-once", "--yes", *WHY, by="asker")
    answering.join()
    assert cut.exit_code == 0, cut.output
    assert not room.door.opens(FIRST)


def test_the_calendar_is_overridden_by_a_role_that_it_names(tminus: Tminus, room: Room) -> None:
    """With a reason and a signature; what was begun so goes on in that freeze, and the record names who it was."""
    closed(room, override="security_lead")
    words = ("rotate", NAME, "--override-calendar")
    assert "why? Give --reason" in tminus(*words, by="guard").output
    other = tminus(*words, *WHY, by="asker")
    assert (other.exit_code, "whoever is security_lead may" in other.output) == (3, True), other.output
    assert not room.course().rotations
    came = tminus(*words, *WHY, by="guard")
    assert came.exit_code == 0, came.output
    [rotation] = room.course().rotations
    assert (rotation.began.overridden_by, rotation.began.reason) == ("guard", "it leaked")
    assert "the year's end" in rotation.began.outside
    assert room.value() != FIRST


def test_nobody_may_override_it(tminus: Tminus, room: Room) -> None:
    """Where the calendar names no role; and only what is named is begun so."""
    closed(room)
    came = tminus("rotate", NAME, "--override-calendar", *WHY, by="guard")
    assert (came.exit_code, "name roles in the `calendar.override`" in came.output) == (3, True), came.output
    due = tminus("rotate", "--due", "--override-calendar", *WHY, by="guard")
    assert (due.exit_code, "goes with no other order" in due.output) == (2, True), due.output
