"""A command of tminus that logs all there is; each program that it starts is written down: FILE WORDS…."""

import json
import logging
import os
import sys
from pathlib import Path

from cli.main import main

file, *words = sys.argv[1:]
started = Path(file).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - until this process ends


def hook(event: str, arguments: tuple[object, ...]) -> None:
    """Writes down what is started, with what it is told: its words and its variables."""
    if event == "subprocess.Popen":
        _, argv, _, env = arguments
        given = dict(os.environ) if env is None else {_text(key): _text(value) for key, value in env.items()}  # type: ignore[attr-defined]
        said = {"argv": [_text(one) for one in argv], "env": given}  # type: ignore[attr-defined]
        started.write(json.dumps(said) + "\n")


def _text(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else str(value)


logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
sys.addaudithook(hook)
main(words)
