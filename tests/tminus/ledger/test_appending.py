"""Appending: all or nothing, one unbroken chain whoever writes at once, and nobody writes past a fence."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count
from threading import Barrier

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.other_process import other_process
from tminus.errors import FencedOff, LedgerError, MovedOn, Refused, UsageError
from tminus.ledger.chain import GENESIS, faults, link
from tminus.ledger.store import Entry, Letter, Store
from tminus.outbox import Outbox

CHAIN = "tradesense-2-0-0"
_LETTER = Letter("slack", "board", '{"text":"hello"}')
_names = (f"chain-{number}" for number in count())


def together(*doings: Callable[[], None]) -> None:
    """Runs them at once, and raises what the first of them raised."""
    barrier = Barrier(len(doings))

    def run(doing: Callable[[], None]) -> None:
        barrier.wait()
        doing()

    with ThreadPoolExecutor(max_workers=len(doings)) as threads:
        for ended in [threads.submit(run, doing) for doing in doings]:
            ended.result()


def opened(ledger: Ledger, chain: str = CHAIN) -> Store:
    """A store with one empty chain."""
    store = ledger.open()
    store.open_chain(chain)
    return store


def test_heads_are_returned_and_read_back(ledger: Ledger) -> None:
    """What is appended comes back in order, with its number and its hash, which anyone can compute."""
    store = opened(ledger)
    heads = store.append(Entry(CHAIN, '{"a":1}'), Entry(CHAIN, '{"b":2}'))
    first = link(CHAIN, 1, GENESIS, '{"a":1}')
    assert [(head.seq, head.hash) for head in heads] == [(1, first), (2, link(CHAIN, 2, first, '{"b":2}'))]
    assert [(one.seq, one.body, one.hash) for one in store.read(CHAIN)] == [
        (1, '{"a":1}', heads[0].hash),
        (2, '{"b":2}', heads[1].hash),
    ]
    assert [one.seq for one in store.read(CHAIN, after=1)] == [2]
    assert store.head(CHAIN) == heads[1]


_bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
).map(lambda value: rfc8785.dumps(value).decode())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(_bodies, min_size=1, max_size=4))
def test_both_stores_keep_the_text_and_agree_on_the_hash(shared_ledger: Ledger, bodies: list[str]) -> None:
    """Whatever the text, it comes back unchanged, and its hash is what the formula gives: the same on both stores."""
    chain = next(_names)
    store = shared_ledger.open()
    store.open_chain(chain)
    store.append(*(Entry(chain, body) for body in bodies))
    previous = GENESIS
    for seq, (one, body) in enumerate(zip(store.read(chain), bodies, strict=True), start=1):
        assert one.body == body
        assert one.hash == link(chain, seq, previous, body)
        previous = one.hash
    store.close()


@pytest.mark.parametrize(
    "body", ['"%s %(chain)s 100%"', '":chain ::text clock()"', '"a\\u0000b \\\\ \' \\""', '"é 日本 🚀"']
)
def test_text_that_looks_like_sql_is_only_text(ledger: Ledger, body: str) -> None:
    """Placeholders, quotes, escapes and other scripts inside an event are kept as they are."""
    store = opened(ledger)
    store.append(Entry(CHAIN, body, letters=[Letter("slack", body, body)]))
    assert [one.body for one in store.read(CHAIN)] == [body]
    assert [letter.body for letter in Outbox(store).claim(("slack",))] == [body]


def test_an_append_is_all_or_nothing_with_its_letters(ledger: Ledger) -> None:
    """When one of several events cannot be appended, none is, and no letter tells of any."""
    store = opened(ledger)
    with pytest.raises(LedgerError, match="no chain is called 'unknown'"):
        store.append(Entry(CHAIN, "{}", letters=[_LETTER]), Entry("unknown", "{}"))
    token = store.take_lease(CHAIN, "somebody", 60)
    with pytest.raises(FencedOff):
        store.append(Entry(CHAIN, "{}", token, [_LETTER]), Entry(CHAIN, "{}", 7, [_LETTER]))
    assert store.read(CHAIN) == []
    assert Outbox(store).unsent() == []
    assert store.append(Entry(CHAIN, "{}", token, [_LETTER]))[0].seq == 1
    assert len(Outbox(store).unsent(CHAIN)) == 1


def test_chain_names_cannot_end_a_field_elsewhere(ledger: Ledger) -> None:
    """A name goes into hashes, file names and buttons: what could end a field there is refused; and no name twice."""
    store = opened(ledger)
    for name in ("", "a\nb", "a/b", "../a", "a|b", "a#1", "a b", "x" * 201):
        with pytest.raises(UsageError, match="cannot name a chain"):
            store.open_chain(name)
    with pytest.raises(Refused, match="exists already"):
        store.open_chain(CHAIN)
    assert store.chains() == [CHAIN]


def test_a_chain_is_opened_with_its_first_events_or_not_at_all(ledger: Ledger) -> None:
    """A chain whose first event cannot be appended does not stay behind, empty."""
    store = ledger.open()
    with pytest.raises(FencedOff):
        store.open_chain(CHAIN, Entry(CHAIN, "{}", token=3))
    assert store.chains() == []
    assert [head.seq for head in store.open_chain(CHAIN, Entry(CHAIN, "{}"))] == [1]


def test_threads_never_fork_or_skip_a_chain(ledger: Ledger) -> None:
    """Threads that append at once, through one store and through several, make one unbroken chain."""
    shared, own = opened(ledger), [ledger.open(), ledger.open()]

    def append(store: Store) -> None:
        for number in range(25):
            store.append(Entry(CHAIN, f"{number}"), Entry(CHAIN, f"{number}"))

    together(*(partial(append, store) for store in (shared, shared, *own)))
    events = shared.read(CHAIN)
    assert [one.seq for one in events] == list(range(1, 201))
    assert faults(events, [head] if (head := shared.head(CHAIN)) else []) == []


def test_processes_never_fork_or_skip_a_chain(ledger: Ledger) -> None:
    """Processes that append at once make one unbroken chain."""
    store = opened(ledger)
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(ledger.variables)) for _ in range(3)]
        for other in others:
            other.tell("append", CHAIN, 40)
        assert [other.says() for other in others] == ["done"] * 3
    events = store.read(CHAIN)
    assert len(events) == 120
    assert faults(events, [head] if (head := store.head(CHAIN)) else []) == []


def test_two_chains_in_one_append_never_lock_each_other_out(ledger: Ledger) -> None:
    """Two who append to the same two chains, in opposite orders, both get through; heads come back as asked."""
    store = opened(ledger, "a")
    store.open_chain("b")
    stores = [ledger.open(), ledger.open()]

    def append(store: Store, first: str, second: str) -> None:
        for _ in range(30):
            heads = store.append(Entry(first, "1"), Entry(second, "2"))
            assert [head.chain for head in heads] == [first, second]

    together(lambda: append(stores[0], "a", "b"), lambda: append(stores[1], "b", "a"))
    for chain in ("a", "b"):
        events = store.read(chain)
        assert len(events) == 60
        assert faults(events) == []


def test_a_stale_token_is_refused_and_people_go_on(ledger: Ledger) -> None:
    """Once another conductor has the lease, the earlier one's appends are refused; people, who have no token, go on."""
    store = opened(ledger)
    old = store.take_lease(CHAIN, "first", 60)
    store.append(Entry(CHAIN, '"mine"', token=old))
    new = store.take_lease(CHAIN, "second", 60, dead=old)
    assert old is not None
    assert new == old + 1
    with pytest.raises(FencedOff, match=f"went from token {old} to {new}"):
        store.append(Entry(CHAIN, '"late"', token=old))
    store.append(Entry(CHAIN, '"a person"'))
    store.append(Entry(CHAIN, '"successor"', token=new))
    assert [one.body for one in store.read(CHAIN)] == ['"mine"', '"a person"', '"successor"']


def test_nothing_comes_between_the_check_and_the_append(ledger: Ledger) -> None:
    """While the lease changes hands again and again, no event of an earlier token ever stands after a later one's."""
    opened(ledger)

    def conduct(store: Store) -> None:
        for _ in range(25):
            held = store.lease(CHAIN)
            assert held is not None
            token = store.take_lease(CHAIN, "me", 60, dead=held.token)
            for _ in range(3):
                try:
                    store.append(Entry(CHAIN, json.dumps({"token": token or held.token}), token=token or held.token))
                except FencedOff:
                    break

    stores = [ledger.open() for _ in range(3)]
    together(*(partial(conduct, store) for store in stores))
    tokens = [json.loads(one.body)["token"] for one in stores[0].read(CHAIN)]
    assert tokens == sorted(tokens)
    assert len(set(tokens)) > 3


def test_what_rests_on_an_event_is_not_written_after_another(ledger: Ledger) -> None:
    """Whoever decided on what they had read learns that somebody wrote since; nothing of theirs is there then."""
    store = opened(ledger)
    store.append(Entry(CHAIN, '"read"'))
    store.append(Entry(CHAIN, '"decided on it"', after=1))
    with pytest.raises(MovedOn, match="from event 1 to 2"):
        store.append(Entry(CHAIN, '"too late"', after=1), Entry(CHAIN, '"and more"'))
    assert [one.body for one in store.read(CHAIN)] == ['"read"', '"decided on it"']


def test_of_all_who_decide_on_the_same_event_one_writes(ledger: Ledger) -> None:
    """Processes and threads that look and write at once never write on what is no longer the latest."""
    opened(ledger)
    wrote: list[int] = []

    def decide(store: Store) -> None:
        for _ in range(30):
            head = store.head(CHAIN)
            assert head is not None
            try:
                wrote.append(store.append(Entry(CHAIN, str(head.seq), after=head.seq))[0].seq)
            except MovedOn:
                continue

    stores = [ledger.open() for _ in range(3)]
    together(*(partial(decide, store) for store in stores))
    events = stores[0].read(CHAIN)
    assert [int(one.body) for one in events] == [one.seq - 1 for one in events]
    assert sorted(wrote) == [one.seq for one in events]
