"""What S3 hands out, read as it arrives: a body that is cut off, breaks or only drips is an error, never an end."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, cast

from tasks.giving_up import raise_if_given_up
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from urllib3.response import BaseHTTPResponse

_LEAST = 64 << 10  # bytes within _WINDOW; a body that brings less will not come to its end in anybody's time
_PIECE = 256 << 10  # bytes that are read at once
_WINDOW = 60.0  # seconds, as long as S3 may be silent (`tasks.estate`)


class Body:
    """A body of so many bytes that is being read.

    It is read piece by piece as it comes, so that there is a moment, after each, in which it can be given up.
    """

    def __init__(self, response: "BaseHTTPResponse", size: int, where: str) -> None:
        self._response = response
        self._size = size
        self._where = where
        self._came = 0
        self._waited = 0.0
        self._lately = 0

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, fewer only at the end; all that is left where `size` is negative.

        Raises CouldNotObserve where it ends before it should, comes too slowly, or was given up.
        """
        pieces: list[bytes] = []
        wanted = size if size >= 0 else self._size - self._came + 1
        while wanted and (piece := self._piece(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        """What has come, up to so many bytes; b"" at the end."""
        from urllib3.exceptions import HTTPError

        raise_if_given_up(self._where)
        began = monotonic()
        try:
            piece = self._response.read1(min(size, _PIECE))
        except HTTPError as e:
            raise CouldNotObserve(f"{self._told()}: {type(e).__name__}") from e
        if not piece and self._came != self._size:
            raise CouldNotObserve(f"{self._told()}, and then ended")
        self._came += len(piece)
        self._require_speed(monotonic() - began, len(piece))
        return piece

    def _require_speed(self, waited: float, came: int) -> None:
        """Only the time in which S3 was waited for counts: who reads may take as long as a restore does."""
        self._waited, self._lately = self._waited + waited, self._lately + came
        if self._waited < _WINDOW:
            return
        if self._lately < _LEAST:
            raise CouldNotObserve(f"{self._told()}: too slowly, {self._lately} of them in {self._waited:.0f} s")
        self._waited, self._lately = 0.0, 0

    def _told(self) -> str:
        return f"S3 handed out {self._came} of the {self._size} bytes of {self._where}"


@contextmanager
def reading(body: "StreamingBody", size: int, where: str) -> Iterator[Body]:
    """The body of an answer, for a block.

    Args:
        body: of GetObject.
        size: its ContentLength.
        where: what it is, for people.
    """
    with body as response:
        yield Body(cast("BaseHTTPResponse", response), size, where)  # the stubs say that it is the body itself
