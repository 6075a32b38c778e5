"""A side of bench.drills' comparison made wrong at a time; `python -m bench.drills_sabotage PLAN` is a hasty client."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from bench.drill_truth import Truth
from bench.drills_sides import PostgresSide, RedisSide, RestoredSide
from tasks.outside import beside, client

S = TypeVar("S")


class HastyLines(client.Lines):
    """A receipt says that its write was acknowledged before it was sent."""

    def add(self, line: str) -> None:
        """See Lines."""
        before, _, last = line.rpartition(" ")
        super().add(f"{before} {before.rpartition(' ')[2]}" if last == "-" else line)


@contextmanager
def _receipts() -> Iterator[None]:
    def begun(told: Path) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-m", "bench.drills_sabotage", str(told)]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)

    with patch.object(beside, "_begun", begun):
        yield


@contextmanager
def _truth() -> Iterator[None]:
    with (
        patch.object(PostgresSide, "truth", _of_the_new(PostgresSide.truth)),
        patch.object(RedisSide, "truth", _of_the_new(RedisSide.truth)),
        patch.object(RestoredSide, "truth", _of_the_new(RestoredSide.truth)),
    ):
        yield


def _of_the_new(exact: Callable[[S, str], Truth]) -> Callable[[S, str], Truth]:
    def truth(side: S, dead: str) -> Truth:
        new = exact(side, dead).new
        return Truth(new, new)

    return truth


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {"receipts": _receipts, "truth": _truth}
"""Each makes one wrong, in this process and those that it starts."""


if __name__ == "__main__":
    with patch.object(client, "Lines", HastyLines):
        sys.exit(client.main())
