"""Letters: in order, at least once, by one courier at a time, and never one that blocks the others for ever."""

from contextlib import ExitStack
from functools import partial
from itertools import count
from threading import Event, Lock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.letters import CHAIN, LONG, OTHER, due_now, keys, passes, post
from tests.tminus.ledger.other_process import other_process
from tests.tminus.ledger.test_appending import together
from tminus.outbox import Outbox

_names = (f"chain-{number}" for number in count())


def test_letters_of_a_launch_are_sent_in_order(ledger: Ledger) -> None:
    """The next letter is only there once the one before it was sent; a letter tells its event, its age and its text."""
    store = ledger.open()
    post(store, "first", "second")
    outbox = Outbox(store)
    (first,) = outbox.claim(("slack",))
    assert (first.chain, first.seq, first.key, first.body, first.attempts) == (CHAIN, 1, "first", '"first"', 1)
    assert 0 <= first.age < LONG
    assert outbox.claim(("slack",)) == []
    outbox.sent(first, "ts-1")
    (second,) = outbox.claim(("slack",))
    assert (second.key, second.seq) == ("second", 2)


def test_launches_and_channels_do_not_hold_each_other_up(ledger: Ledger) -> None:
    """A launch, or a channel, whose letter is stuck leaves the others alone."""
    store = ledger.open()
    post(store, "stuck", "behind")
    post(store, "free", chain=OTHER)
    post(store, "page", channel="pagerduty")
    outbox = Outbox(store)
    assert keys(outbox.claim(("slack", "pagerduty"))) == ["stuck", "page"]
    assert keys(outbox.claim(("slack", "pagerduty"))) == ["free"]
    assert keys(outbox.claim(("slack", "pagerduty"))) == []


def test_a_letter_that_failed_waits_and_holds_its_place(ledger: Ledger) -> None:
    """It is tried again after a pause, before those behind it; a longer pause that the other side asked for is kept."""
    store = ledger.open()
    post(store, "first", "second")
    outbox = Outbox(store)
    (first,) = outbox.claim(("slack",))
    outbox.failed(first, "503")
    assert outbox.claim(("slack",)) == []
    assert [(row[3], row[4], row[5], row[6]) for row in outbox.unsent()] == [
        ("first", "due", 1, "503"),
        ("second", "due", 0, None),
    ]
    due_now(ledger)
    (again,) = outbox.claim(("slack",))
    assert (again.key, again.attempts) == ("first", 2)
    outbox.failed(again, "429", 300.0)
    passes(ledger, 200)
    assert outbox.claim(("slack",)) == []
    passes(ledger, 200)
    assert keys(outbox.claim(("slack",))) == ["first"]


def test_a_dead_letter_lets_those_behind_it_pass(ledger: Ledger) -> None:
    """What the other side calls wrong is never sent again, is listed, and blocks nobody."""
    store = ledger.open()
    post(store, "wrong", "right")
    outbox = Outbox(store)
    outbox.dead(outbox.claim(("slack",))[0], "invalid_blocks")
    assert keys(outbox.claim(("slack",))) == ["right"]
    due_now(ledger)
    wrong, _right = outbox.unsent(CHAIN)
    assert (wrong[3], wrong[4], wrong[6]) == ("wrong", "dead", "invalid_blocks")


def test_attempts_are_bounded(ledger: Ledger) -> None:
    """After so many tries a letter is dead, and those behind it pass."""
    store = ledger.open()
    post(store, "never", "next")
    outbox = Outbox(store, attempts=3)
    for attempt in (1, 2, 3):
        (letter,) = outbox.claim(("slack",))
        assert (letter.key, letter.attempts) == ("never", attempt)
        outbox.failed(letter, f"try {attempt}")
        due_now(ledger)
    assert keys(outbox.claim(("slack",))) == ["next"]
    assert [(row[3], row[4]) for row in outbox.unsent()] == [("never", "dead"), ("next", "due")]


def test_a_crashed_couriers_letter_is_taken_over_when_its_claim_ends(ledger: Ledger) -> None:
    """While a courier may still be sending, nobody else gets its letter; killed, it loses it when its claim ends."""
    store = ledger.open()
    post(store, "first", "second")
    outbox = Outbox(store)
    with other_process(ledger.variables) as courier:
        assert courier.asked("claim", "slack", LONG) == "first"
        courier.process.kill()
    assert outbox.claim(("slack",)) == []
    ledger.alter("UPDATE outbox SET claimed_until = claimed_until - {seconds}", seconds=LONG)
    (letter,) = outbox.claim(("slack",))
    assert (letter.key, letter.attempts) == ("first", 2)


def test_a_claim_ends_by_itself(ledger: Ledger) -> None:
    """The claim's length is the courier's to say."""
    store = ledger.open()
    post(store, "first")
    assert keys(Outbox(store, claim=0.2).claim(("slack",))) == ["first"]
    Event().wait(0.25)
    assert keys(Outbox(store).claim(("slack",))) == ["first"]


def test_a_courier_that_came_back_changes_nothing_of_the_next_ones_claim(ledger: Ledger) -> None:
    """Too slow, it can neither free nor bury the letter that another sends; that it arrived counts, whoever sent it."""
    store = ledger.open()
    post(store, "first", "second")
    slow, quick = Outbox(store, claim=-1.0), Outbox(store)
    (mine,) = slow.claim(("slack",))
    (its,) = quick.claim(("slack",))
    assert (mine.id, its.attempts) == (its.id, 2)
    slow.failed(mine, "timed out")
    slow.dead(mine, "refused")
    assert quick.claim(("slack",)) == []
    slow.sent(mine, "ts-1")
    quick.failed(its, "duplicate")
    assert keys(quick.claim(("slack",))) == ["second"]
    assert quick.receipt(CHAIN, "slack", "first") == "ts-1"


def test_two_couriers_never_send_a_letter_at_once(ledger: Ledger) -> None:
    """Several couriers that take whatever is due send every letter once, each launch's in order."""
    store = ledger.open()
    for number in range(8):
        for chain in (CHAIN, OTHER):
            post(store, f"{chain}-{number}", chain=chain)
    sent: list[str] = []
    carried: set[int] = set()
    lock = Lock()

    def carry(outbox: Outbox) -> None:
        while len(sent) < 16:
            for letter in outbox.claim(("slack",)):
                with lock:
                    assert letter.id not in carried
                    carried.add(letter.id)
                with lock:
                    sent.append(letter.key)
                    carried.remove(letter.id)
                outbox.sent(letter, "ts")

    together(*(partial(carry, Outbox(ledger.open())) for _ in range(3)))
    for chain in (CHAIN, OTHER):
        assert [key for key in sent if key.startswith(chain)] == [f"{chain}-{number}" for number in range(8)]
    assert Outbox(store).unsent() == []


def test_of_many_processes_one_gets_a_letter(ledger: Ledger) -> None:
    """Couriers in several processes that reach for the same letter at once: one gets it."""
    store = ledger.open()
    post(store, "first")
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(ledger.variables)) for _ in range(3)]
        for other in others:
            other.tell("claim", "slack", LONG)
        assert sorted(other.says() for other in others) == ["", "", "first"]


def test_receipts_of_living_messages(ledger: Ledger) -> None:
    """The last receipt of a key is the message to update; one that never arrived has none."""
    store = ledger.open()
    post(store, "board", "note", "board")
    outbox = Outbox(store)
    assert outbox.receipt(CHAIN, "slack", "board") is None
    assert not outbox.delivered(CHAIN, "slack")
    for receipt in ("ts-1", "ts-2", "ts-3"):
        outbox.sent(outbox.claim(("slack",))[0], receipt)
    assert (outbox.receipt(CHAIN, "slack", "board"), outbox.receipt(CHAIN, "slack", "note")) == ("ts-3", "ts-2")
    assert outbox.receipt(CHAIN, "pagerduty", "board") is None
    assert outbox.receipt(OTHER, "slack", "board") is None
    assert (outbox.delivered(CHAIN, "slack"), outbox.delivered(CHAIN, "pagerduty")) == (True, False)


def test_what_a_newer_letter_says_need_not_be_sent(ledger: Ledger) -> None:
    """A letter can be passed over for a newer one of its key, and is not listed as unsent then."""
    store = ledger.open()
    post(store, "board", "note", "board")
    outbox = Outbox(store)
    (letter,) = outbox.claim(("slack",))
    assert outbox.newest(letter) == '"board"'
    outbox.superseded(letter)
    (note,) = outbox.claim(("slack",))
    assert outbox.newest(note) is None
    assert [row[3] for row in outbox.unsent(CHAIN)] == ["note", "board"]
    assert outbox.unsent(OTHER) == []


_turns = st.lists(st.sampled_from(["send", "fail", "limit", "bury", "crash"]), max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=_turns, size=st.integers(1, 5))
def test_whatever_happens_order_is_kept_and_nothing_is_forgotten(
    shared_ledger: Ledger, turns: list[str], size: int
) -> None:
    """Through failures, crashes and dead letters, letters arrive in order, and each arrives or is listed."""
    chain, store = next(_names), shared_ledger.open()
    post(store, *(str(number) for number in range(size)), chain=chain, channel=chain)
    outbox, arrived = Outbox(store), list[int]()
    for turn in turns:
        due_now(shared_ledger)
        for letter in outbox.claim((chain,)):
            match turn:
                case "send":
                    arrived.append(int(letter.key))
                    outbox.sent(letter, "ts")
                case "fail":
                    outbox.failed(letter, "503")
                case "limit":
                    outbox.failed(letter, "429", 300.0)
                case "bury":
                    outbox.dead(letter, "wrong")
                case _:
                    shared_ledger.alter("UPDATE outbox SET claimed_until = 0")
    assert arrived == sorted(set(arrived))
    assert sorted([*arrived, *(int(str(row[3])) for row in outbox.unsent(chain))]) == list(range(size))
    store.close()
