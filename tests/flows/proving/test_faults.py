"""What fails while a backup is verified: the outcome is unknown, with the reason; nothing is left, nothing touched.

The stores, the bucket and the scratch servers are real ones; S3 is moto's, with a proxy of the test's before it.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from flows import restoring
from tasks import s3_body
from tasks.backups import postgres_cluster, verify_postgres_dump
from tests.flows.proving.faulty_s3 import Fault, FaultyS3
from tests.flows.proving.shop import CONTENT, STORES, ProvenShop
from tests.sampling import few
from tminus import events as ev
from tminus.outcome import Verdict

_PAGES = 12 << 10  # bytes of a disk on which a marker fits, and no backup
every_store = pytest.mark.parametrize("store", few(STORES, "cache"))


@pytest.fixture(autouse=True)
def _nothing_lost(shop: ProvenShop) -> Iterator[None]:
    """After each: no scratch, no process in one, live stores and backups as they were, and the backup can be proven."""
    before = shop.live()
    verified = len(shop.events())
    yield
    assert list(shop.scratch.iterdir()) == []
    assert shop.processes() == []
    assert shop.live() == before
    planned = [one.scratch for one in shop.events() if isinstance(one, ev.ScratchPlanned)]
    gone = [one.scratch for one in shop.events() if isinstance(one, ev.ScratchGone)]
    assert sorted(planned) == sorted(gone)
    store = next(one.store for one in shop.events()[verified:] if isinstance(one, ev.BackupVerified))
    again = shop.verify(store)
    assert again.outcome.verdict is Verdict.PASS, (again.outcome.summary, again.outcome.details)


SAID: dict[Fault, str] = {
    "500": "S3 refused s3://.*: (InternalError|500)",
    "cut": r"S3 handed out \d+ of the \d+ bytes of s3://",
    "reset": r"S3 handed out \d+ of the \d+ bytes of s3://",
    "drip": r"S3 handed out \d+ of the \d+ bytes of s3://.*: too slowly",
}


@pytest.mark.parametrize("fault", few(SAID, "500"))
@every_store
def test_s3_fails_under_way(
    shop: ProvenShop, s3: FaultyS3, store: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 500 for the content, a body that is cut off or reset in its middle, one that drips: S3 is what is named."""
    s3.fault, s3.keys = fault, re.compile(CONTENT[store])
    with monkeypatch.context() as patch:
        patch.setattr(s3_body, "_WINDOW", 0.3)
        outcome = shop.verify(store).outcome
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert re.search(SAID[fault], outcome.summary), outcome.summary


@every_store
@pytest.mark.long
def test_a_drip_that_is_just_fast_enough(
    shop: ProvenShop, s3: FaultyS3, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is up while S3 still hands something out: it is given up there and then, not at the body's end."""
    s3.fault, s3.keys = "drip", re.compile(CONTENT[store])
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "patience", lambda _: timedelta(seconds=3))
        outcome = shop.verify(store).outcome
    time.sleep(5 * s3.pause)
    sent = s3.sent
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert "no end within 3 s" in outcome.summary
    time.sleep(20 * s3.pause)
    assert s3.sent == sent, "somebody went on reading"


@every_store
def test_s3_is_gone(shop: ProvenShop, store: str) -> None:
    """Nobody answers at its address: that is no backup that is missing."""
    address = shop.s3.at.address.url
    shop.change(buckets={"backups": {"endpoint": "http://127.0.0.1:9"}})
    try:
        outcome = shop.verify(store).outcome
    finally:
        shop.change(buckets={"backups": {"endpoint": address}})
    assert outcome.verdict is Verdict.UNKNOWN
    assert "S3 did not answer" in outcome.summary


@contextmanager
def killing(shop: ProvenShop, *, ready: bool) -> Iterator[list[int]]:
    """In the block, the first server in the scratch is killed, as soon as it is there or lets somebody in."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not killed and not over.wait(0.001):
            for server in shop.servers():
                if not ready or _lets_in(shop, server):
                    with suppress(psutil.Error):
                        os.kill(server.pid, signal.SIGKILL)
                        killed.append(server.pid)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def _lets_in(shop: ProvenShop, server: psutil.Process) -> bool:
    for path in shop.scratch.rglob("postmaster.pid"):
        with suppress(OSError):
            lines = path.read_text("utf-8").splitlines()
            if lines and lines[0] == str(server.pid):
                return len(lines) > 7 and lines[7].startswith("ready")
    return True


@pytest.mark.parametrize("ready", few([False, True], True), ids=["while it starts", "once it is up"])
@pytest.mark.parametrize("store", few(["dump", "base", "cache"], "dump"))
def test_the_scratch_server_dies(shop: ProvenShop, store: str, ready: bool) -> None:
    """Killed from outside, as by the kernel for want of memory: says nothing of the backup."""
    with killing(shop, ready=ready) as killed:
        outcome = shop.verify(store).outcome
    assert killed
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert re.search(r"the scratch (server|Redis)", outcome.summary), outcome.summary


@pytest.mark.parametrize("store", few(["dump", "base"], "dump"))
@pytest.mark.long
def test_a_process_of_the_scratch_server_is_killed(shop: ProvenShop, store: str) -> None:
    """The kernel takes the largest: that is seldom the one that the others are children of."""
    killed: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not killed and not over.wait(0.0005):
            for server in shop.servers():
                with suppress(psutil.Error):
                    for one in server.children():
                        if "[local]" in (said := " ".join(one.cmdline())) and not killed:
                            one.kill()
                            killed.append(said)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        outcome = shop.verify(store).outcome
    finally:
        over.set()
        thread.join()
    assert killed
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert "the scratch server was killed, or one of its processes" in outcome.summary


@every_store
@pytest.mark.long
def test_the_cap_is_reached(shop: ProvenShop, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that needs more than `backups.disk` is given up wherever it is: fetching, unpacking, restoring."""
    monkeypatch.setattr(restoring, "_LOOK", 0.02)
    shop.change(backups={"disk": "4 kB"})
    try:
        outcome = shop.verify(store).outcome
    finally:
        shop.change(backups={"disk": "20 GB"})
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert re.search(r"the scratch is full|backups\.disk|more than the \d+ bytes", outcome.summary), outcome.summary


@pytest.mark.long
def test_the_cap_is_reached_by_what_pg_restore_makes(shop: ProvenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dump itself is small enough; what becomes of it is not."""
    monkeypatch.setattr(restoring, "_LOOK", 0.02)
    shop.change(backups={"disk": "3 MB"})
    try:
        outcome = shop.verify("dump").outcome
    finally:
        shop.change(backups={"disk": "20 GB"})
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert "and backups.disk allows 3000000" in outcome.summary


@pytest.fixture
def small_disk(shop: ProvenShop) -> Iterator[Path]:
    """A disk of some MB where scratch places are made."""
    shop.scratch.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m,mode=0711", "tmpfs", str(shop.scratch)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a disk of its own wants root, and the right to mount one")
    yield shop.scratch
    subprocess.run(["umount", str(shop.scratch)], check=True)  # noqa: S607 - as `mount` was found


@pytest.mark.parametrize("store", few(["dump", "base", "cache", "uploads"], "dump"))
@pytest.mark.long
def test_the_disk_is_full(shop: ProvenShop, small_disk: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Really full, before anybody looked: that is of this machine, and not of the backup."""
    monkeypatch.setattr(verify_postgres_dump, "make", postgres_cluster.make)  # and not what copies one for tests
    monkeypatch.setattr(restoring, "_SPARE", 0)
    monkeypatch.setattr(restoring, "_LOOK", 600.0)
    if store in {"cache", "uploads"}:
        (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - _PAGES))
    try:
        outcome = shop.verify(store).outcome
    finally:
        (small_disk / "ballast").unlink(missing_ok=True)
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, outcome.details)
    assert re.search("No space left on device|full|cannot be (made|written)", outcome.summary), outcome.summary
