"""A TCP relay that disturbs what it passes on, as Toxiproxy does with its toxics `latency` and `timeout`.

What each toxic does: https://github.com/Shopify/toxiproxy#toxics. A reset is passed on as a reset, an end as an end.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

from deployments.rehearsal.addresses import HOST

Stream = Literal["upstream", "downstream"]
_CHUNK = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets


class Attributes(BaseModel, frozen=True, extra="forbid"):
    """Of `latency`: latency, jitter; of `timeout`: timeout; all in milliseconds."""

    latency: int = 0
    jitter: int = 0
    timeout: int = 0


class Toxic(BaseModel, frozen=True, extra="forbid"):
    """What is added to a proxy."""

    name: str = ""
    type: Literal["latency", "timeout"]
    stream: Stream = "downstream"
    toxicity: float = Field(default=1.0, ge=1.0, le=1.0)
    attributes: Attributes = Attributes()

    @property
    def called(self) -> str:
        """Its name, or the one that it gets."""
        return self.name or f"{self.type}_{self.stream}"


@dataclass
class Relay:
    """One proxy: it listens on loopback and passes on to a port of loopback."""

    name: str
    port: int
    upstream: int
    toxics: dict[str, Toxic] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _passing: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listens, where it does not."""
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def close(self) -> None:
        """Listens no more, and ends what is connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)
        ends = [writer]
        try:
            there, back = await asyncio.open_connection(HOST, self.upstream)
            ends.append(back)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on("upstream", reader, back))
                both.create_task(self._pass_on("downstream", there, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            for one in ends:
                _reset(one)
        finally:
            for one in ends:
                one.close()

    async def _pass_on(self, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until its end; OSError where either side is gone."""
        loop, waiting = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

        async def read() -> None:
            while chunk := await reader.read(_CHUNK):
                waiting.put_nowait((loop.time(), chunk))
            waiting.put_nowait((loop.time(), b""))

        async def write() -> None:
            while True:
                came, chunk = await waiting.get()
                await asyncio.sleep(max(0.0, came + self._late(stream) - loop.time()))
                if self._dropped(stream):
                    continue
                if not chunk:
                    with contextlib.suppress(OSError):  # whoever has ended both ways already
                        writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()

        async with asyncio.TaskGroup() as both:
            both.create_task(read())
            both.create_task(write())

    def _late(self, stream: Stream) -> float:
        """Seconds."""
        late = 0
        for one in self._of(stream, "latency"):
            late += one.attributes.latency + secrets.randbelow(2 * one.attributes.jitter + 1) - one.attributes.jitter
        return max(0, late) / 1000

    def _dropped(self, stream: Stream) -> bool:
        return bool(self._of(stream, "timeout"))

    def _of(self, stream: Stream, kind: str) -> list[Toxic]:
        return [one for one in self.toxics.values() if (one.stream, one.type) == (stream, kind)]


def _reset(writer: asyncio.StreamWriter) -> None:
    end = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
