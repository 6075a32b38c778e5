"""What pg_restore prints while it works: which tables are through, and what it complained of, without customers' data.

With --verbose it says `processing data for table "s.t"` where it begins with one, `finished item N TABLE DATA t` where
one of several jobs is through, and `creating …` or `executing …` of what comes next.
"""

import re
from collections.abc import Collection

from tminus.foreign_text import printable

_LINE = re.compile(r"pg_restore(?:: \[[^\]]*\])?: (.*)")
_BEGUN = re.compile(r'processing data for table "(.*)"')
_FINISHED = re.compile(r"finished item \d+ TABLE DATA (.*)")
_NEXT = re.compile(r"(?:creating|executing|processing data for table|restoring large object) ")
_COMPLAINT = re.compile(r"error: (.*)|warning: (errors ignored on restore: \d+)")
_QUOTED = re.compile(r'"([^"]*)"')
_KEPT = 20  # complaints
_LONG = 240  # characters of one
# What is wrong with this machine, and says nothing of the backup.
_LACKS = re.compile(
    r'extension "[^"]*" is not available|could not open extension control file'
    r"|could not (?:access|load) (?:file|library)"
    r"|shared_preload_libraries|invalid (?:LC_COLLATE|LC_CTYPE|ICU)? ?locale name|could not create locale"
    r"|ICU is not supported|No space left on device|out of (?:shared )?memory|unsupported version \(|"
    r"cannot restore from compressed archive|this build does not support compression"
)


class Progress:
    """Reads its lines as they come.

    Attributes:
        begun: whether data are being restored: so every table is there.
        complaints: its errors, the first of them.
        errors: how many there were.
        lacks: what this machine lacks to restore the backup; "" where it lacks nothing.

    Args:
        names: what may be shown of what it quotes: names of objects. Anything else may be customers' data.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._open: list[str] = []
        self._parallel = False
        self.begun = False
        self.complaints: list[str] = []
        self.errors = 0
        self.lacks = ""

    def feed(self, line: str) -> list[str]:
        """Takes up a line; returns the tables (`schema.name`, unquoted) that are through by now."""
        match = _LINE.match(line)
        if match is None:
            return []
        said = match[1]
        if complaint := _COMPLAINT.match(said):
            self._complain(complaint[1] or "")
            return []
        if finished := _FINISHED.match(said):
            self._parallel = True
            done = [one for one in self._open if one.endswith(f".{finished[1]}")]
            self._open = [one for one in self._open if one not in done]
            return done
        if said.startswith("launching item"):
            self._parallel = True
        done = []
        if not self._parallel and _NEXT.match(said):
            done, self._open = self._open, []
        if begun := _BEGUN.match(said):
            self.begun = True
            self._open.append(begun[1])
        return done

    def _complain(self, said: str) -> None:
        if not said:
            return
        self.errors += 1
        if not self.lacks and _LACKS.search(said):
            self.lacks = self._shown(said)
        if len(self.complaints) < _KEPT:
            self.complaints.append(self._shown(said))

    def _shown(self, said: str) -> str:
        kept = _QUOTED.sub(lambda match: match[0] if match[1] in self._names else '"…"', printable(said))
        return kept if len(kept) <= _LONG else f"{kept[: _LONG - 1]}…"
