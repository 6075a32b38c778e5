"""A letter that is refused again and again, by whatever words: it is tried on, and holds up nothing but its own key."""

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.letters import due_now, keys, post
from tminus.outbox import Outbox
from tminus.resending import dead_letters, resend

_OFTEN = 8


def refused(ledger: Ledger, outbox: Outbox, key: str, times: int) -> None:
    """It is tried so often, and nothing else is."""
    for _ in range(times):
        (letter,) = outbox.claim(("slack",))
        assert letter.key == key
        outbox.failed(letter, "413", refused=True)
        due_now(ledger)


def test_those_behind_it_pass_and_it_is_tried_on(ledger: Ledger) -> None:
    """In their own order, before it is tried again; it arrives once it is taken."""
    store = ledger.open()
    post(store, "refused", "second", "third")
    outbox = Outbox(store)
    refused(ledger, outbox, "refused", _OFTEN)
    arrived = list[str]()
    while letters := outbox.claim(("slack",)):
        arrived += keys(letters)
        outbox.sent(letters[0], "ts")
    assert arrived == ["second", "third", "refused"]


def test_what_has_its_key_waits(ledger: Ledger) -> None:
    """The end of an incident that did not begin yet would let it begin after its end."""
    store = ledger.open()
    post(store, "incident", "other", "incident")
    outbox = Outbox(store)
    refused(ledger, outbox, "incident", _OFTEN)
    (other,) = outbox.claim(("slack",))
    outbox.sent(other, "ts")
    (begins,) = outbox.claim(("slack",))
    assert (other.key, begins.key, begins.attempts) == ("other", "incident", _OFTEN + 1)
    assert outbox.claim(("slack",)) == []
    outbox.sent(begins, "ts")
    (ends,) = outbox.claim(("slack",))
    assert (ends.key, ends.attempts) == ("incident", 1)


def test_an_outage_keeps_the_order(ledger: Ledger) -> None:
    """However long it lasts: what is behind would not arrive either."""
    store = ledger.open()
    post(store, "first", "second")
    outbox = Outbox(store)
    refused(ledger, outbox, "first", _OFTEN - 1)
    for _ in range(3 * _OFTEN):
        (letter,) = outbox.claim(("slack",))
        assert letter.key == "first"
        outbox.failed(letter, "503")
        due_now(ledger)


def test_sent_again_it_is_before_the_others(ledger: Ledger) -> None:
    """Somebody has mended what refused it."""
    store = ledger.open()
    post(store, "refused", "second")
    outbox = Outbox(store, attempts=_OFTEN)
    refused(ledger, outbox, "refused", _OFTEN)
    assert [row[4] for row in outbox.unsent()] == ["dead", "due"]
    resend(store, dead_letters(store))
    assert keys([one for _ in range(2) for one in outbox.claim(("slack",))]) == ["refused"]


def test_foreign_words_are_stored_printable(ledger: Ledger) -> None:
    """Neither database takes all that an answer may hold, and a courier must not end by that."""
    store = ledger.open()
    post(store, "first", "second")
    outbox = Outbox(store)
    (first,) = outbox.claim(("slack",))
    outbox.failed(first, "Slack: \ud800\u0000\u001b[2J")
    assert outbox.unsent()[0][6] == "Slack: \ufffd\ufffd\ufffd[2J"
    due_now(ledger)
    outbox.sent(outbox.claim(("slack",))[0], "Q1, paged \ud800\u0000")
    assert outbox.receipt(first.chain, "slack", "first") == "Q1, paged \ufffd\ufffd"
    (second,) = outbox.claim(("slack",))
    outbox.dead(second, "\u0000")
    assert outbox.unsent()[0][6] == "\ufffd"
