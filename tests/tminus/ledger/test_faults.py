"""Whatever somebody with the database's password does to a chain is found, from the first anchored head on."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tminus.ledger.conftest import Ledger
from tminus import events as ev
from tminus.ledger.chain import GENESIS, Head, Stored, faults, link
from tminus.ledger.directory import DIRECTORY, listing
from tminus.ledger.store import Entry, Store
from tminus.ledger.verifying import verify

CHAIN = "tradesense-2-0-0"
_names = (f"chain-{number}" for number in count())
Tampering = Callable[[list[Stored], int, int], list[Stored]]


def whole(chain: str, bodies: Sequence[str]) -> list[Stored]:
    """A chain of these texts."""
    events, previous = list[Stored](), GENESIS
    for seq, body in enumerate(bodies, start=1):
        previous = link(chain, seq, previous, body)
        events.append(Stored(chain, seq, body, previous))
    return events


def head_of(events: Sequence[Stored], seq: int | None = None) -> Head:
    """A chain's head, now or when it was `seq` events long."""
    one = events[-1 if seq is None else seq - 1]
    return Head(one.chain, one.seq, one.hash)


def edit_text(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """Another text under the old hash."""
    return [*events[:i], replace(events[i], body=events[i].body + " "), *events[i + 1 :]]


def edit_hash(events: list[Stored], i: int, j: int) -> list[Stored]:
    """Another hash under the old text."""
    return [*events[:i], replace(events[i], hash=f"{j:064x}"), *events[i + 1 :]]


def edit_and_forge(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """Another text, and every later hash computed anew: a whole chain again, and a lie."""
    return whole(
        events[0].chain, [*(one.body for one in events[:i]), '"forged"', *(one.body for one in events[i + 1 :])]
    )


def delete(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """An event less; at the end it is a cut tail."""
    return [*events[:i], *events[i + 1 :]]


def delete_and_renumber(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """An event less, and the numbers closed up behind it."""
    return [*events[:i], *(replace(one, seq=one.seq - 1) for one in events[i + 1 :])]


def swap_texts(events: list[Stored], i: int, j: int) -> list[Stored]:
    """Two events' texts and hashes exchanged."""
    changed = list(events)
    changed[i] = replace(events[j], seq=events[i].seq)
    changed[j] = replace(events[i], seq=events[j].seq)
    return changed


def insert(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """An event put in, with a hash that fits the one before it, and the others moved up."""
    previous = events[i - 1].hash if i else GENESIS
    chain, seq = events[0].chain, i + 1
    put_in = Stored(chain, seq, '"put in"', link(chain, seq, previous, '"put in"'))
    return [*events[:i], put_in, *(replace(one, seq=one.seq + 1) for one in events[i:])]


def from_another_chain(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """An event that is whole in its own chain, at the same place in this one."""
    other = whole("another", [f'"other {one.seq}"' for one in events])
    return [*events[:i], replace(other[i], chain=events[0].chain), *events[i + 1 :]]


def whole_other_chain(events: list[Stored], _i: int, _j: int) -> list[Stored]:
    """All events of another chain, moved to this name."""
    return [replace(one, chain=events[0].chain) for one in whole("another", [one.body for one in events])]


def cut(events: list[Stored], i: int, _j: int) -> list[Stored]:
    """The tail cut off."""
    return events[:i]


TAMPERINGS: tuple[Tampering, ...] = (
    edit_text,
    edit_hash,
    edit_and_forge,
    delete,
    delete_and_renumber,
    swap_texts,
    insert,
    from_another_chain,
    whole_other_chain,
    cut,
)
_bodies = st.lists(st.text(st.characters(codec="utf-8"), max_size=5).map(repr), min_size=1, max_size=8)


def put(ledger: Ledger, chain: str, events: Sequence[Stored]) -> None:
    """Puts these rows in the place of a chain's events, and its last one where the store notes the head."""
    last = events[-1] if events else Stored(chain, 0, "", GENESIS)
    rows = ", ".join(f"('{one.chain}', {one.seq}, '{_quoted(one.body)}', '{one.hash}')" for one in events)
    ledger.alter("DELETE FROM event WHERE chain = '{chain}'", chain=chain)
    if rows:
        ledger.alter("INSERT INTO event (chain, seq, body, hash) VALUES {rows}", rows=rows)
    note(ledger, last)


def note(ledger: Ledger, last: Stored) -> None:
    """Makes the store note this one as its chain's head."""
    ledger.alter("UPDATE chain SET seq = {seq}, hash = '{hash}' WHERE chain = '{chain}'", **asdict(last))


def _quoted(text: str) -> str:
    return text.replace("'", "''")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), bodies=_bodies, tampering=st.sampled_from(TAMPERINGS))
def test_any_tampering_is_found_with_anchored_heads(
    shared_ledger: Ledger, data: st.DataObject, bodies: list[str], tampering: Tampering
) -> None:
    """A random chain, tampered with at random in the database itself, is not called whole; untouched, it is."""
    chain, store = next(_names), shared_ledger.open()
    store.open_chain(chain, *(Entry(chain, body) for body in bodies))
    before = store.read(chain)
    anchored = data.draw(st.sets(st.integers(1, len(before))).map(lambda seqs: sorted({*seqs, len(before)})))
    heads = [head_of(before, seq) for seq in anchored]
    assert verify(store, chain, heads).faults == ()
    i, j = data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(0, len(before) - 1))
    after = tampering(before, i, j)
    put(shared_ledger, chain, after)
    assert store.read(chain) == after
    assert bool(verify(store, chain, heads).faults) == (after != before)
    store.close()


@settings(max_examples=100, deadline=None)
@given(data=st.data(), bodies=_bodies)
def test_rows_in_any_other_order_are_found(data: st.DataObject, bodies: list[str]) -> None:
    """Without any anchor: a chain whose rows come in another order, or that lacks its beginning, is not whole."""
    events = whole(CHAIN, bodies)
    other = data.draw(st.permutations(events))
    assert (faults(other) == []) == (list(other) == events)
    assert faults(events[1:]) == [] if len(events) == 1 else faults(events[1:]) != []


@pytest.mark.parametrize("anchor", [1, 2, 3])
def test_what_a_chain_cannot_see_by_itself(anchor: int) -> None:
    """A tail cut after the last anchor is not found, and a forgery only from the first anchored head behind it on."""
    events = whole(CHAIN, ['"a"', '"b"', '"c"', '"d"'])
    known = [head_of(events, anchor)]
    assert faults(events[:3]) == []
    assert faults(events[:3], known) == []
    assert faults(events[:anchor], known) == []
    assert "the tail is cut" in faults(events[: anchor - 1], known)[0]
    forged = edit_and_forge(events, 1, 0)
    assert faults(forged) == []
    assert bool(faults(forged, known)) == (anchor >= 2)


def test_a_head_of_another_chain_is_called_that() -> None:
    """An anchor given for the wrong launch says so, instead of accusing the record."""
    events = whole(CHAIN, ['"a"'])
    assert "of another chain" in faults(events, [Head("another", 1, events[0].hash)])[0]
    assert Head.parse(str(head_of(events))) == head_of(events)
    for text in ("", "x", f"{CHAIN}#1", f"{CHAIN}#one:{'0' * 64}", f"{CHAIN}#-1:{'0' * 64}", f"{CHAIN}#1:{'z' * 64}"):
        with pytest.raises(ValueError, match="is no head"):
            Head.parse(text)


def test_names_and_numbers_cannot_be_moved_between_fields() -> None:
    """The hash covers where one field ends: the same letters split otherwise give another hash."""
    assert link("a", 11, GENESIS, "b") != link("a", 1, GENESIS, "1b")
    assert link("a", 1, GENESIS, "b") != link("a1", 1, GENESIS, "b")


def test_a_careless_hand_is_caught_by_the_store_itself(ledger: Ledger) -> None:
    """Cut in the table of events alone, or put in there alone, the chain no longer fits the store's own note."""
    store = ledger.open()
    store.open_chain(CHAIN, Entry(CHAIN, "1"), Entry(CHAIN, "2"), Entry(CHAIN, "3"))
    ledger.alter("DELETE FROM event WHERE chain = '{chain}' AND seq = 3", chain=CHAIN)
    assert "the tail is cut: event 3 is the end by the store's own note" in verify(store, CHAIN).faults[0]
    third, fourth = whole(CHAIN, ["1", "2", "3", "4"])[2:]
    rows = ", ".join(f"('{one.chain}', {one.seq}, '{one.body}', '{one.hash}')" for one in (third, fourth))
    ledger.alter("INSERT INTO event (chain, seq, body, hash) VALUES {rows}", rows=rows)
    assert "the tail was put in" in verify(store, CHAIN).faults[0]
    ledger.alter("DELETE FROM event WHERE chain = '{chain}'", chain=CHAIN)
    emptied = verify(store, CHAIN)
    assert emptied.known
    assert "the chain ends at 0" in emptied.faults[0]


def _opened_and_closed(ledger: Ledger) -> tuple[Store, list[Stored]]:
    store = ledger.open()
    store.open_locked("production", CHAIN, Entry(CHAIN, '"created"'), listing=listing("opened"))
    store.append(Entry(CHAIN, '"deployed"'))
    store.append_and_unlock("production", Entry(CHAIN, '"closed"'), listing=listing("closed"))
    return store, store.read(CHAIN)


def test_the_directory_anchors_a_launch_that_was_closed(ledger: Ledger) -> None:
    """A forged, cut or removed launch does not fit the heads that the directory, a chain itself, wrote down."""
    store, events = _opened_and_closed(ledger)
    assert verify(store, CHAIN).faults == ()
    assert verify(store, DIRECTORY).faults == ()
    put(ledger, CHAIN, edit_and_forge(events, 1, 0))
    assert verify(store, CHAIN).faults == ("event 3 is not the one that is in the directory",)
    put(ledger, CHAIN, events[:2])
    assert "event 3 is in the directory, and the chain ends at 2" in verify(store, CHAIN).faults[0]
    ledger.alter("DELETE FROM event WHERE chain = '{chain}'; DELETE FROM chain WHERE chain = '{chain}'", chain=CHAIN)
    assert verify(store, CHAIN).known
    assert len(verify(store, CHAIN).faults) == 2


def test_a_directory_that_cannot_be_read_is_a_fault_and_no_crash(ledger: Ledger) -> None:
    """An unreadable directory is said, and the launch's own events are looked at all the same."""
    store, events = _opened_and_closed(ledger)
    ledger.alter("UPDATE event SET body = '{{' WHERE chain = '{chain}' AND seq = 1", chain=DIRECTORY)
    found = verify(store, CHAIN, [head_of(events)])
    assert "entry 1 of the directory cannot be read" in found.faults[0]
    assert len(found.faults) == 1
    assert "event 1 was changed" in verify(store, DIRECTORY).faults[1]


def test_how_much_of_the_tail_is_not_anchored_is_counted(ledger: Ledger) -> None:
    """What comes after the last head from outside is counted, since its loss would not be noticed."""
    store, events = _opened_and_closed(ledger)
    assert (verify(store, CHAIN).unanchored, verify(store, CHAIN, [head_of(events, 2)]).unanchored) == (3, 1)
    assert verify(store, CHAIN, [head_of(events)]).unanchored == 0
    nothing = verify(store, "never-created")
    assert not nothing.known


def test_the_directory_says_what_is_an_event_of_its_own() -> None:
    """The directory's entries are events like all others, with the whole head."""
    head = head_of(whole(CHAIN, ['"a"']))
    entry = ev.read(listing("opened")(head).body)
    assert isinstance(entry, ev.DirectoryEntry)
    assert Head.parse(entry.head) == head
