"""The objects of a backup brought back, one content after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import SecretStr

from tasks.backups.damage import Damaged
from tasks.backups.object_pool import ObjectPool
from tminus.backups.contents import ObjectsContents
from tminus.backups.object_list import ListCount, ListedObject, require_listed
from tminus.errors import CouldNotObserve

HEAD = 4096  # bytes of a content that are looked into: a mark has fewer
_LONGEST = 1 << 17  # bytes of a line of the list
_TOGETHER = 1000  # objects in one folder


def listed(file: BinaryIO, count: ListCount) -> Iterator[ListedObject]:
    """The objects of a list, counted as they pass; raises Damaged at the first line that is none."""
    number = 0
    while line := file.readline(_LONGEST):
        number += 1
        try:
            yield require_listed("the backup", line, number, count)
        except CouldNotObserve as e:
            raise Damaged(str(e)) from e


def fitting(objects: Iterator[ListedObject], left: int, wanted: ObjectsContents) -> Iterator[tuple[int, ListedObject]]:
    """Passes objects on as long as they fit into the scratch; raises CouldNotObserve at the first that does not."""
    for number, one in enumerate(objects):
        left -= one.size
        if left < 0:
            raise CouldNotObserve(
                f"{number} of {wanted.objects} objects were restored, then the scratch was full; raise backups.disk "
                f"above {wanted.size} bytes"
            )
        yield number, one


@dataclass(frozen=True)
class Came:
    """How one object came.

    Attributes:
        wrong: what is wrong with it; "" where nothing is.
        lost: whether nothing of it came.
        readable: whether it can be read without the key, as far as that was found.
        head: the first bytes of its content.
    """

    wrong: str = ""
    lost: bool = False
    readable: str = ""
    head: bytes = b""


@dataclass(frozen=True)
class Restoring:
    """Brings one content after the other; several threads may do so at once."""

    pool: ObjectPool
    identity: SecretStr | None
    folder: Path

    def restore(self, numbered: tuple[int, ListedObject]) -> tuple[ListedObject, Came]:
        """The object with what is wrong with it; its content lies in the folder afterwards."""
        number, one = numbered
        shard = self.folder / str(number // _TOGETHER)
        shard.mkdir(mode=0o700, exist_ok=True)
        into = shard / str(number)
        try:
            got = self.pool.get(one.stored, into, self.identity)
        except Damaged as e:
            return one, Came(f"the content does not decrypt ({e})", lost=True)
        if got is None:
            return one, Came("the content is not there", lost=True)
        with into.open("rb") as file:
            head = file.read(HEAD)
        same = (got.size, got.sha256) == (one.size, one.sha256)
        return one, Came("" if same else "the content is another", readable=got.readable, head=head)
