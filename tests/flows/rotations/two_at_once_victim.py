"""A process that rotates the front door's password, and waits before one thing is written down: FOLDER NAME MOMENT."""

import asyncio
import sys
import time
from contextlib import closing
from pathlib import Path

from flows.rotation_round import rotate
from flows.rotation_visit import Wish
from tests.flows.ledgers import BreakableStore
from tests.flows.rotations.breaking import told
from tests.flows.rotations.door import DoorKey
from tminus import events as ev
from tminus.errors import TminusError
from tminus.rotations.opened import open_secrets

folder, name, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def waits(event: ev.Event) -> bool:
    """Says that it is there, and goes on when it is told to."""
    if told(moment)(event) and not (folder / "reached").exists():
        (folder / "reached").touch()
        while not (folder / "go").exists():
            time.sleep(0.005)
    return False


opened = open_secrets(folder / "secrets.yaml", folder / "environment.yaml", {"test.door": DoorKey})
with closing(BreakableStore(folder / "ledger.db")) as store:
    store.before = waits
    try:
        sys.stdout.write(asyncio.run(rotate(store, opened, name, Wish(), lambda _: None)).said)
    except TminusError as e:
        sys.stdout.write(f"{type(e).__name__}: {e}")
