"""What the tests of the watch play on: an estate of two tiny services, a book, and customers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pydantic import JsonValue

from tests.flows.stage import Stage
from tests.flows.staged_book import action, check, watch
from tests.tasks.over_http.tiny_service import Tiny


def section(folder: Path, new: Tiny, old: Tiny) -> dict[str, JsonValue]:
    """The `services` of an environment whose nginx passes everything to the new version."""
    config = folder / "nginx.conf"
    config.write_text(f"events {{}}\nhttp {{ upstream trading {{ server {new.address}; }} }}\n", "utf-8")
    words: JsonValue = {"argv": ["true"]}
    return {
        "trading": {
            "front": f"http://{new.address}",
            "nginx": {
                "config": str(config),
                "upstream": "trading",
                "include": str(config),
                "reload": words,
                "pools": {"blue": [old.address], "green": [new.address]},
            },
            "roll_out": {"run": words, "probe": words, "undo": words},
            "control": "/ready",
        }
    }


def book(lasts: str) -> dict[str, list[dict[str, JsonValue]]]:
    """One change, the watch over it, and a check that proves the way back."""
    return {
        "T-0": [action("switch"), watch("watch", **{"for": lasts}), check("serves", proves=True)],
        "T+4h": [check("after")],
    }


@asynccontextmanager
async def traffic(new: Tiny, status: int = 200, seconds: float = 0.01) -> AsyncIterator[None]:
    """Customers, 500 requests a second."""

    async def flow() -> None:
        while True:
            new.count(5, status=status, seconds=seconds)
            await asyncio.sleep(0.01)

    flowing = asyncio.create_task(flow())
    try:
        yield
    finally:
        flowing.cancel()
        with suppress(asyncio.CancelledError):
            await flowing


def decided(stage: Stage) -> str:
    """The watch's verdict."""
    found = stage.record.watch_decided
    return found.verdict if found else ""
