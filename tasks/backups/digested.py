"""Streams that are counted and hashed as they pass."""

import hashlib
import io
from typing import Protocol

from tasks.backup_store import Readable

CHUNK = 1 << 20  # bytes


class Target(Protocol):
    """Where bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """All of them."""


class DigestedSource:
    """Reads a stream in large pieces, hands it out in small ones, and counts and hashes it.

    Attributes:
        size: bytes read so far.
        head: the first of them, up to `keep`.
    """

    def __init__(self, source: Readable, keep: int = 0) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self._buffer = io.BytesIO()
        self._keep = keep
        self.size = 0
        self.head = b""

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; all that is left where `size` is negative."""
        if size < 0:
            pieces = []
            while piece := self.read(CHUNK):
                pieces.append(piece)
            return b"".join(pieces)
        while not (piece := self._buffer.read(size)) and size:
            if not (chunk := self._source.read(CHUNK)):
                return b""
            self._digest.update(chunk)
            self.size += len(chunk)
            if len(self.head) < self._keep:
                self.head += chunk[: self._keep - len(self.head)]
            self._buffer = io.BytesIO(chunk)
        return piece

    @property
    def sha256(self) -> str:
        """Of what was read so far."""
        return self._digest.hexdigest()


class DigestedTarget:
    """Writes on, and counts and hashes what passes.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """All of it."""
        self._target.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    @property
    def sha256(self) -> str:
        """Of what was written so far."""
        return self._digest.hexdigest()
