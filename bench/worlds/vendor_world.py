"""What the worlds of vendors have in common: one stand-in served on loopback, whose state is changed to break it."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.world import World
from deployments.rehearsal.in_thread import served


class VendorWorld(World):
    """A vendor's stand-in.

    Attributes:
        url: its address, while it runs.
    """

    real: ClassVar[bool] = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = ""

    @abstractmethod
    def app(self) -> ASGIApp:
        """The stand-in, healthy."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Served for the length of the block."""
        with served(self.app()) as self.url:
            yield


@contextmanager
def changed(thing: object, **fields: object) -> Iterator[None]:
    """The block in which these attributes of a thing are others."""
    before = {name: getattr(thing, name) for name in fields}
    for name, value in fields.items():
        setattr(thing, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(thing, name, value)
