"""A folder of programs of a world's own, at the front of the PATH."""

import os
from pathlib import Path


class ToolFolder:
    """Shell scripts that read what they say from files beside them, so that it can be changed under way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, script: str) -> None:
        """A program; `$here` in it is the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\n{script}\n', encoding="utf-8")
        path.chmod(0o755)

    def says(self, name: str, text: str) -> None:
        """What a file beside the programs holds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def path(self) -> str:
        """The PATH on which they stand before all others."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"
