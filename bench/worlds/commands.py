"""Commands that look at something and say what they found."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from bench.worlds.file_changes import changed
from bench.worlds.tool_folder import ToolFolder
from bench.worlds.world import Case, Sections, World, fault

_QUICK = "500ms"
_OURS = Path(sys.executable).with_name("tminus")  # the one that was installed with this Python
# A tminus of a release that has all of `operate`, but for what stands beside it, and leaves all else to the right one.
_TMINUS = f"""\
if grep -qx "$2" "$here/not-known"; then
    echo "Error: No such command '$2'." >&2
    exit 2
fi
if [ "$3" = --check ]; then
    grep -qx "$2" "$here/refused" || exit 0
    echo "$2 is not in this release yet" >&2
    exit 3
fi
exec '{_OURS}' "$@\""""


class Commands(World):
    """Scripts on a PATH of their own; where that is not the PATH, they cannot be started."""

    system: ClassVar[str] = "commands"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="command.run",
            given={"argv": ["verify-backup", "--latest"], "within": _QUICK},
            expect={"exit": "= 0", "took": "< 400 ms"},
            broken_by=(("exits", "1"), ("exits", "3"), "hangs", "leaves_a_child_and_hangs"),
        ),
        Case(
            check="command.run",
            given={"argv": ["count-orphans"], "parse": "number", "within": _QUICK},
            expect={"exit": "= 0", "value": "= 0"},
            broken_by=(("prints", "number", "12"), ("exits", "1"), "hangs"),
        ),
        Case(
            check="command.run",
            given={"argv": ["replica-state"], "parse": "word", "within": _QUICK},
            expect={"exit": "= 0", "word": "= streaming"},
            broken_by=(("prints", "word", "stopped"),),
        ),
        Case(
            check="command.run",
            given={"argv": ["cluster-report"], "parse": "json", "pointer": "/nodes/0/ready", "within": _QUICK},
            expect={"exit": "= 0", "value": ">= 3"},
            broken_by=(("prints", "json", '{"nodes": [{"ready": 2}]}'),),
        ),
        Case(
            check="command.run",
            given={"argv": ["tminus", "operate", "deploy", "--help"]},
            expect={"exit": "= 0"},
            broken_by=(("tminus_does_not_know", "deploy"),),
        ),
        Case(
            check="command.run",
            given={"argv": ["tminus", "operate", "restore", "--check"]},
            expect={"exit": "= 0"},
            broken_by=(("tminus_refuses", "restore"), ("tminus_does_not_know", "restore")),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._tools = ToolFolder(folder / "bin")

    @contextmanager
    def running(self) -> Iterator[None]:
        """The scripts; each first does what `does` says."""
        self._tools.says("does", "exit 0")
        self._tools.says("number", "0\n")
        self._tools.says("word", "streaming\n")
        self._tools.says("json", '{"nodes": [{"ready": 3}]}')
        first = '( . "$here/does" ) || exit $?'
        self._tools.add("verify-backup", first)
        for name, says in (("count-orphans", "number"), ("replica-state", "word"), ("cluster-report", "json")):
            self._tools.add(name, f'{first}\ncat "$here/{says}"')
        self._tools.says("not-known", "")
        self._tools.says("refused", "")
        self._tools.add("tminus", _TMINUS)
        yield

    def sections(self) -> Sections:
        """Nothing in the environment's file names a command."""
        return {}

    def secrets(self) -> dict[str, str]:
        """The PATH on which they are."""
        return {"PATH": self._tools.path()}

    def silent(self) -> tuple[Sections, dict[str, str]]:
        """A PATH on which nothing is."""
        return {}, {"PATH": str(self.folder / "nothing")}

    @fault
    def exits(self, status: str) -> Iterator[None]:
        """The command says that something is wrong."""
        with changed(self._tools.folder / "does", f"echo 'backup 17 is broken' >&2; exit {status}"):
            yield

    @fault
    def tminus_does_not_know(self, command: str) -> Iterator[None]:
        """The tminus that stands first on the PATH is one without this command of `tminus operate`."""
        with changed(self._tools.folder / "not-known", f"{command}\n"):
            yield

    @fault
    def tminus_refuses(self, command: str) -> Iterator[None]:
        """It has this command of `tminus operate`, and the command says that it cannot do its work in this release."""
        with changed(self._tools.folder / "refused", f"{command}\n"):
            yield

    @fault
    def hangs(self) -> Iterator[None]:
        """The command does not end."""
        with changed(self._tools.folder / "does", "exec sleep 60"):
            yield

    @fault
    def leaves_a_child_and_hangs(self) -> Iterator[None]:
        """The command starts another one that ignores what asks it to end, and waits for it."""
        with changed(self._tools.folder / "does", "trap '' TERM INT HUP; sleep 60 & wait"):
            yield

    @fault
    def prints(self, what: str, text: str) -> Iterator[None]:
        """The command says something else."""
        with changed(self._tools.folder / what, text):
            yield
