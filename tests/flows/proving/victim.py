"""A process that verifies a store's backup, and waits before one function to be killed: FOLDER STORE MODULE NAME."""

import asyncio
import importlib
import sys
import time
from pathlib import Path

from flows.backup_verification import verify
from tminus.backups.opened import open_backups

folder, store, module, name = Path(sys.argv[1]), *sys.argv[2:]


def waits(*_: object, **__: object) -> None:
    """Says that it got here, and goes no further."""
    (folder / "reached").touch()
    time.sleep(600)


place: object = importlib.import_module(module)
*inner, last = name.split(".")
for part in inner:
    place = getattr(place, part)
setattr(place, last, waits)
asyncio.run(verify(open_backups(folder, folder / "environment.yaml"), (store,), shown=False))
