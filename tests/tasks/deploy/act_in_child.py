"""Acts once, in a process of its own that a test may kill: `act_in_child.py TOLD.json KIND TOKEN`."""

import asyncio
import json
import sys
from pathlib import Path

from tasks.action import Action
from tasks.actions.roll_out import RollOut
from tasks.actions.switch import Switch
from tasks.estate import Estate
from tminus.environment import Environment
from tminus.release import Release

_ACTIONS: dict[str, type[RollOut] | type[Switch]] = {"deploy.roll_out": RollOut, "deploy.switch": Switch}


async def main(folder: Path, document: dict[str, object], kind: str, token: int) -> None:
    """Acts, in the environment and with the release of the document."""
    environment = Environment.model_validate(document["environment"])
    action: Action = _ACTIONS[kind](service="trading")
    async with Estate(environment, Release.model_validate(document["release"]), "launch-1", folder) as estate:
        await action.act(estate, token)


if __name__ == "__main__":
    told = Path(sys.argv[1])
    asyncio.run(main(told.parent, json.loads(told.read_text(encoding="utf-8")), sys.argv[2], int(sys.argv[3])))
