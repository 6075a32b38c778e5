"""The folder in which a rehearsal leaves its report and its logs: its own, and nobody else's."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MARK = "rehearsal.json"  # says that the folder is a rehearsal's own, and how the latest one ended
_LOGS = "logs"
_REPORT = (
    *("report.html", "report.md", "report.json"),
    *("readiness.html", "readiness.md", "readiness.json", "readiness.junit.xml"),
)


class NotOurs(ValueError):
    """The folder holds what no rehearsal left there; the message says what, and what to do."""


@dataclass(frozen=True)
class OutFolder:
    """A folder that is new, empty, or an earlier rehearsal's."""

    path: Path

    @property
    def logs(self) -> Path:
        """Where every server's log is in the end."""
        return self.path / _LOGS

    def refuse_others(self) -> None:
        """Changes nothing. Raises NotOurs where something else is there."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise NotOurs(f"{self.path} is no folder; name one that is new or empty")
        found = sorted(one.name for one in self.path.iterdir())
        if found and MARK not in found:
            raise NotOurs(
                f"{self.path} holds {found[0]} and no {MARK}, so it is no rehearsal's own; "
                "name a folder that is new or empty"
            )

    def begin(self, fault: str) -> None:
        """Makes it a rehearsal's own, without what an earlier one left. Raises NotOurs."""
        self.refuse_others()
        self.path.mkdir(parents=True, exist_ok=True)
        self._mark({"fault": fault})
        for name in _REPORT:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.logs, ignore_errors=True)

    def beside(self, name: str) -> "OutFolder":
        """A folder in it for a rehearsal of another kind, so that neither replaces what the other left.

        Raises NotOurs where either is somebody else's.
        """
        self.refuse_others()
        other = OutFolder(self.path / name)
        other.refuse_others()
        return other

    def begin_beside(self, name: str) -> "OutFolder":
        """Makes that folder a rehearsal's own, without what an earlier one left there. Raises NotOurs."""
        other = self.beside(name)
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / MARK).exists():
            self._mark({})
        other.begin("none")
        return other

    def tell(self, fault: str, promised: str, found: str, otherwise: Sequence[str]) -> None:
        """Writes down how it ended: what was promised, what was found, and the differences."""
        self._mark({"fault": fault, "promised": promised, "found": found, "otherwise": list(otherwise)})

    def as_promised(self) -> bool:
        """Whether the latest rehearsal came to its end, and that was the promised one."""
        told = json.loads((self.path / MARK).read_text("utf-8")) if (self.path / MARK).exists() else {}
        return told.get("otherwise") == []

    @contextmanager
    def logs_of(self, estate: Path) -> Iterator[None]:
        """Whatever happens in the block, the servers' logs are there to be read afterwards."""
        try:
            yield
        finally:
            self.logs.mkdir(parents=True, exist_ok=True)
            for log in (*estate.rglob("*.log"), *estate.rglob("log/*.json"), *estate.glob("*.jsonl")):
                shutil.copyfile(log, self.logs / "-".join(log.relative_to(estate).parts))

    def _mark(self, told: dict[str, str | list[str]]) -> None:
        (self.path / MARK).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
