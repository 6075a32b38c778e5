"""What an environment file says of a service that is launched."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

_DONE: JsonValue = {"argv": ["true"]}


def service(
    folder: Path,
    *,
    front: str = "http://127.0.0.1:1",
    config: Path | None = None,
    include: Path | None = None,
    pools: Mapping[str, Sequence[int]] | None = None,
    logs: Sequence[str] = (),
    health: str = "/health",
) -> JsonValue:
    """One entry of `services`. What is left out leads to where nothing is; `pools` are ports on 127.0.0.1.

    Nothing is rolled out in these worlds, so the commands for that do nothing.
    """
    there = folder / "nothing-is-here.conf"
    return {
        "front": front,
        "nginx": {
            "config": str(config or there),
            "upstream": "trading",
            "include": str(include or there),
            "reload": _DONE,
            "pools": {name: _addresses(ports) for name, ports in (pools or {"blue": (), "green": ()}).items()},
        },
        "roll_out": dict.fromkeys(("run", "probe", "undo"), _DONE),
        "health": health,
        "logs": [*logs],
    }


def _addresses(ports: Sequence[int]) -> list[JsonValue]:
    return [f"127.0.0.1:{port}" for port in ports]
