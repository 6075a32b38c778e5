"""One conductor a launch: taken by one, renewed while it lives, taken over when it dies, fenced when it was away."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.other_process import Other, other_process
from tminus.errors import LedgerError, LedgerUnreachable, Refused
from tminus.lease import Heartbeat, known_dead, myself, take, vacant
from tminus.ledger.store import Entry, Lease, Store

CHAIN = "tradesense-2-0-0"
_LONG = 600.0  # seconds: a lease that does not run out within these tests


def opened(ledger: Ledger) -> Store:
    """A store with one empty chain."""
    store = ledger.open()
    store.open_chain(CHAIN)
    return store


@contextmanager
def holding(ledger: Ledger, seconds: float) -> Iterator[Other]:
    """Another process that holds the lease."""
    with other_process(ledger.variables) as other:
        assert other.asked("take", CHAIN, seconds).isdecimal()
        yield other


def eventually(holds: Callable[[], bool], within: float = 20.0) -> bool:
    """Waits until something holds; False where it does not within so many seconds."""
    pause = threading.Event()
    for _ in range(int(within / 0.02)):
        if holds():
            return True
        pause.wait(0.02)
    return False


def test_only_one_of_many_racing_processes_gets_it(ledger: Ledger) -> None:
    """Processes that reach for a free lease at once: one gets it, the others are told which process has it."""
    store = opened(ledger)
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(ledger.variables)) for _ in range(4)]
        for other in others:
            other.tell("take", CHAIN, _LONG)
        answers = {other.pid: other.says() for other in others}
        (holder,) = [pid for pid, answer in answers.items() if answer == "1"]
        refusals = [answer for pid, answer in answers.items() if pid != holder]
        assert all(f"{CHAIN} is conducted by process {holder} on" in answer for answer in refusals)
        held = store.lease(CHAIN)
        assert held is not None
        assert held.holder is not None
        assert json.loads(held.holder)["pid"] == holder


def test_a_killed_holder_is_followed_at_once(ledger: Ledger) -> None:
    """A kill -9 of the holder on the same machine frees the lease long before it runs out, and not before."""
    store = opened(ledger)
    with holding(ledger, _LONG) as other:
        assert not vacant(store.lease(CHAIN))
        with pytest.raises(Refused, match=f"conducted by process {other.pid} on .*; its lease lasts another [0-9]+ s"):
            take(store, CHAIN, _LONG)
        os.kill(other.pid, signal.SIGKILL)
        assert eventually(lambda: vacant(store.lease(CHAIN)))
        assert take(store, CHAIN, _LONG) == 2


def test_a_holder_that_cannot_be_seen_from_here_is_waited_for(ledger: Ledger) -> None:
    """A holder on another machine, or one that is described in no way known here, keeps its lease until it runs out."""
    store = opened(ledger)
    for holder in (
        json.dumps({**json.loads(myself()), "machine": "elsewhere", "pid": 2**22 + 1}),
        "somebody",
        json.dumps({"pid": 1}),
    ):
        token = store.take_lease(CHAIN, holder, _LONG)
        assert token is not None
        assert not known_dead(holder)
        with pytest.raises(Refused, match=f"{CHAIN} is conducted by"):
            take(store, CHAIN, _LONG)
        store.renew_lease(CHAIN, token, -1.0)  # as if its time were over
        assert vacant(store.lease(CHAIN))
        new = take(store, CHAIN, _LONG)
        assert new == token + 1
        store.give_lease_back(CHAIN, new)


def test_a_number_that_was_given_to_another_process_is_not_the_holder() -> None:
    """A process is known by its number and its start, so a successor with the same number does not keep it alive."""
    me = json.loads(myself())
    assert not known_dead(json.dumps(me))
    assert known_dead(json.dumps({**me, "since": "1"}))
    assert not known_dead(None)


def test_a_holder_that_ended_and_was_not_yet_reaped_is_dead(ledger: Ledger) -> None:
    """A zombie does nothing any more, so it conducts nothing."""
    opened(ledger)
    with holding(ledger, _LONG) as other:
        holder = ledger.open().lease(CHAIN)
        assert holder is not None
        os.kill(other.pid, signal.SIGKILL)
        assert eventually(lambda: known_dead(holder.holder))
        assert other.process.returncode is None  # nobody has waited for it yet


def test_a_stopped_holder_is_followed_after_its_time_and_then_fenced(ledger: Ledger) -> None:
    """SIGSTOP looks like life, so its lease must run out; continued, the holder finds itself fenced off."""
    store = opened(ledger)
    with holding(ledger, 1.5) as other:
        assert other.asked("beat", CHAIN, 1.5) == "done"
        os.kill(other.pid, signal.SIGSTOP)
        assert not known_dead(getattr(store.lease(CHAIN), "holder", None))
        assert eventually(lambda: vacant(store.lease(CHAIN)))
        assert take(store, CHAIN, _LONG) == 2
        os.kill(other.pid, signal.SIGCONT)
        assert other.asked("conduct", CHAIN).startswith(f"FencedOff: {CHAIN}: the lease went from token 1 to 2")
        assert other.asked("lost", 20) == "True"
        store.append(Entry(CHAIN, "{}", token=2))


def test_a_heartbeat_outlives_many_lengths_and_gives_back(ledger: Ledger) -> None:
    """While it beats nobody else gets the lease, however short it is; left, it is free at once."""
    store = opened(ledger)
    token = take(store, CHAIN, 0.6)
    with Heartbeat(ledger.open(), CHAIN, token, 0.6) as heartbeat:
        threading.Event().wait(1.5)
        assert not heartbeat.lost.is_set()
        assert store.take_lease(CHAIN, "somebody", _LONG) is None
    free = store.lease(CHAIN)
    assert free is not None
    assert (free.holder, free.token) == (None, token)
    assert take(store, CHAIN, _LONG) == token + 1


def test_a_heartbeat_says_that_its_lease_is_lost_and_leaves_it_alone(ledger: Ledger) -> None:
    """Once another has the lease the heartbeat says so, stops renewing, and gives nothing back that is not its own."""
    store = opened(ledger)
    token = take(store, CHAIN, 0.3)
    with Heartbeat(ledger.open(), CHAIN, token, 0.3) as heartbeat:
        assert store.take_lease(CHAIN, "another", _LONG, dead=token) == token + 1
        assert heartbeat.lost.wait(20)
    held = store.lease(CHAIN)
    assert held is not None
    assert (held.holder, held.token) == ("another", token + 1)


class _Silent:
    """A store that does not answer the first times it is asked to renew."""

    def __init__(self, times: int) -> None:
        self.asked = threading.Semaphore(0)
        self._times = times

    def renew_lease(self, _chain: str, _token: int, _seconds: float) -> bool:
        """Fails as often as it was told to."""
        self.asked.release()
        self._times -= 1
        if self._times >= 0:
            raise LedgerUnreachable("it does not answer")
        return True

    def give_lease_back(self, _chain: str, _token: int) -> None:
        """Fails for ever."""
        raise LedgerUnreachable("it does not answer")

    def close(self) -> None:
        """Nothing to close."""


def test_a_renewal_without_an_answer_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """A ledger that is away for a while is asked again and again; that alone does not mean that the lease is lost."""
    store = _Silent(3)
    with Heartbeat(store, CHAIN, 1, 0.3) as heartbeat:  # type: ignore[arg-type]  # a named fake with what is used
        assert all(store.asked.acquire(timeout=20) for _ in range(5))
        assert not heartbeat.lost.is_set()
    assert "the lease was not renewed (it does not answer); trying again in 0.0 s" in caplog.text
    assert "it runs out by itself" in caplog.text


def test_a_launch_that_is_not_there_cannot_be_conducted(ledger: Ledger) -> None:
    """A wrong name is called that, and is no vacancy."""
    store = ledger.open()
    with pytest.raises(LedgerError, match=r"no launch is called 'nothing'; `tminus status` lists them"):
        take(store, "nothing", _LONG)
    assert not vacant(store.lease("nothing"))
    assert vacant(Lease(token=0, holder=None, left=0.0))
