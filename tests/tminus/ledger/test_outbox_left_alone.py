"""A channel that asks to be left alone is, for so long and in its own environment alone."""

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.letters import LONG, OTHER, keys, passes, post, written_in
from tests.tminus.ledger.other_process import other_process
from tminus.outbox import Outbox


def test_nobody_is_left_alone_for_longer_than_ten_minutes(ledger: Ledger) -> None:
    """Whatever the other side's header says."""
    store = ledger.open()
    post(store, "first")
    outbox = Outbox(store)
    outbox.failed(outbox.claim(("slack",))[0], "429", 1e30)
    passes(ledger, 590)
    assert outbox.claim(("slack",)) == []
    passes(ledger, 20)
    assert keys(outbox.claim(("slack",))) == ["first"]


def test_a_channel_that_asks_to_be_left_alone_gets_no_letter_of_any_launch(ledger: Ledger) -> None:
    """Nor from another courier, nor one written meanwhile; another channel goes on, and the pause ends by itself."""
    store, elsewhere = ledger.open(), Outbox(ledger.open())
    post(store, "first", "second")
    post(store, "other", chain=OTHER)
    post(store, "page", channel="pagerduty")
    outbox = Outbox(store)
    (first,) = outbox.claim(("slack",))
    outbox.failed(first, "429", 60.0)
    post(store, "meanwhile", chain="tradesense-3")
    for one in (outbox, elsewhere):
        assert one.claim(("slack",)) == []
    assert keys(elsewhere.claim(("pagerduty",))) == ["page"]
    assert 0 < elsewhere.paused()["", "slack"] <= 60
    with other_process(ledger.variables) as courier:
        assert courier.asked("claim", "slack", LONG) == ""
    passes(ledger, 61)
    assert elsewhere.paused() == {}
    sent: list[str] = []
    while letters := elsewhere.claim(("slack",)):
        sent += keys(letters)
        elsewhere.sent(letters[0], "ts")
    assert sent == ["first", "second", "other", "meanwhile"]
    assert [row[5] for row in outbox.unsent()] == [1]  # the page alone, which is under way: no try was spent on waiting


def test_the_longest_pause_holds(ledger: Ledger) -> None:
    """A shorter one that is asked for later takes nothing from it; a letter that merely failed asks for none."""
    store = ledger.open()
    for name in ("a", "b", "c"):
        post(store, name, chain=f"chain-of-{name}")
    outbox = Outbox(store)
    a, b, c = (outbox.claim(("slack",))[0] for _ in range(3))
    outbox.failed(a, "503")
    assert outbox.paused() == {}
    outbox.failed(b, "429", 300.0)
    outbox.failed(c, "429", 1.0)
    passes(ledger, 200)
    assert list(outbox.paused()) == [("", "slack")]
    assert outbox.claim(("slack",)) == []


def test_a_courier_that_is_too_slow_still_says_that_it_was_asked_to_wait(ledger: Ledger) -> None:
    """Another has its letter by now, which stays as it is; what the other side asked for holds all the same."""
    store = ledger.open()
    post(store, "first")
    post(store, "other", chain=OTHER)
    slow, quick = Outbox(store, claim=-1.0), Outbox(store)
    (mine,) = slow.claim(("slack",))
    quick.claim(("slack",))
    slow.failed(mine, "429", 60.0)
    assert quick.claim(("slack",)) == []
    assert quick.unsent()[0][6] is None


def test_a_courier_carries_its_own_environments_letters(ledger: Ledger) -> None:
    """And those of before a letter had an environment; the other's stay for the other's, whose secrets are others."""
    store = ledger.open()
    written_in(store, "staging", "first", "second")
    written_in(store, "production", "page")
    post(store, "old")
    staging, production = Outbox(store, environment="staging"), Outbox(ledger.open(), environment="production")
    assert keys([letter for _ in range(4) for letter in staging.claim(("slack",))]) == ["first", "second", "old"]
    (page,) = production.claim(("slack",))
    assert (page.key, page.environment) == ("page", "production")
    assert [str(row[8]) for row in staging.unsent()] == ["staging", "staging", "production", ""]


def test_a_pause_is_the_environments_whose_channel_asked_for_it(ledger: Ledger) -> None:
    """The other's Slack is another, and goes on; what has no environment waits for whom it was carried by."""
    store = ledger.open()
    post(store, "old")
    written_in(store, "staging", "first")
    written_in(store, "production", "page", "late")
    staging, production = Outbox(store, environment="staging"), Outbox(ledger.open(), environment="production")
    (old,) = staging.claim(("slack",))
    staging.failed(old, "429", 60.0)
    assert staging.claim(("slack",)) == []
    (page,) = production.claim(("slack",))
    assert page.key == "page"
    assert list(production.paused()) == [("staging", "slack")]
    production.failed(page, "429", 30.0)
    assert production.claim(("slack",)) == []
    passes(ledger, 31)
    assert keys(production.claim(("slack",))) == ["page"]
    assert staging.claim(("slack",)) == []


def test_what_nobody_carries_is_found(ledger: Ledger) -> None:
    """A letter waits for more than a minute and none of that environment was tried; a pause is a reason to wait."""
    store = ledger.open()
    written_in(store, "staging", "first")
    written_in(store, "production", "page", "late")
    outbox = Outbox(store)
    assert outbox.uncarried() == {}
    ledger.alter("UPDATE outbox SET made = made - 120")
    assert list(outbox.uncarried()) == [("production", "slack"), ("staging", "slack")]
    (page,) = Outbox(store, environment="production").claim(("slack",))
    (waits,) = outbox.uncarried().items()
    assert waits[0] == ("staging", "slack")
    assert 120 <= waits[1] < LONG
    ledger.alter("UPDATE outbox SET attempts = 0")
    outbox.failed(page, "429", 60.0)
    assert list(outbox.uncarried()) == [("staging", "slack")]
