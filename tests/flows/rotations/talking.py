"""tminus in a process that says all it could ever be made to say: it does what each line of its stdin tells it.

    python -m tests.flows.rotations.talking FOLDER [loud]

A line is JSON: the arguments of `tminus`, or ["flow"], the flow secret_rotation once. Every logger is at DEBUG, except
those that tminus itself makes quieter. Everything goes to stderr, and each error of tminus with its whole traceback;
stdout has the exit code of each line. With `loud` tminus makes no logger quieter: then values come out.
"""

import asyncio
import json
import logging
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import click
import prefect.main  # noqa: F401 - sets up its logging, over which ours then is set

from cli.main import main
from flows import rotation_round
from flows.secret_rotation import secret_rotation
from tasks import secret_versions
from tasks.rotators.vocabulary import ROTATORS
from tests.flows.rotations.door import DoorKey
from tminus.errors import TminusError

_RAISED: list[TminusError] = []


def _talk() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.DEBUG)
    logging.getLogger().handlers = [handler]
    for one in (logging.getLogger(), *(logging.getLogger(name) for name in list(logging.Logger.manager.loggerDict))):
        one.setLevel(logging.DEBUG)
        one.disabled = False
    # Whatever is made of them is kept, be it caught or not.
    setattr(TminusError, "__new__", _made)  # noqa: B010 - mypy lets nobody assign it


def _made(kind: type[TminusError], *said: object, **more: object) -> TminusError:
    error = Exception.__new__(kind, *said, **more)
    _RAISED.append(error)
    return error


def _do(folder: Path, words: list[str]) -> int:
    if words == ["flow"]:
        files = [str(folder / f"{name}.yaml") for name in ("secrets", "environment", "people")]
        book, environment, people = files
        state = asyncio.run(secret_rotation(book, environment, (), people, return_state=True))
        sys.stderr.write(f"{state}\n")
        return int(state.is_failed())
    try:
        main(words, prog_name="tminus")
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else 1
    except click.exceptions.Exit as e:
        return e.exit_code
    return 0


if __name__ == "__main__":
    vars(rotation_round)["ROTATORS"] = {**ROTATORS, "test.door": DoorKey}
    if "loud" in sys.argv:
        vars(secret_versions)["_LOUD"] = ()
    _talk()
    for line in sys.stdin:
        with redirect_stdout(sys.stderr):
            code = _do(Path(sys.argv[1]), json.loads(line))
            for error in _RAISED:
                traceback.print_exception(error)
            _RAISED.clear()
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
