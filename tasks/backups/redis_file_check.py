"""What redis-check-rdb and redis-check-aof say of files: told beside the restore, and never instead of it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tasks.backups.redis_aof import MANIFEST
from tasks.backups.redis_server import RDB
from tasks.backups.redis_tools import RedisProgram
from tasks.bounded_process import run_bounded
from tminus.errors import CouldNotObserve

_WITHIN = timedelta(minutes=10)


async def file_check(program: RedisProgram, paths: Sequence[Path]) -> list[str]:
    """One line of what the checker of these files says; the server's own program is the checker by another name."""
    multi = [path for path in paths if path.name.endswith(MANIFEST)]
    path = (multi or list(paths))[0]
    name = "redis-check-rdb" if path.name == RDB else "redis-check-aof"
    checker = path.parent / name
    try:
        await asyncio.to_thread(checker.symlink_to, program.path)
        ended = await run_bounded([str(checker), str(path)], _WITHIN, path.parent)
    except (CouldNotObserve, OSError) as e:
        return [f"{name} could not be run: {type(e).__name__}"]
    if not ended.in_time:
        return [f"{name} did not end within {_WITHIN}"]
    return [f"{name} {'finds nothing wrong' if ended.exit == 0 else f'ends with status {ended.exit}'}"]
