"""What is not forgotten: a backup that lies in its bucket still, and that did not pass when it was last looked at."""

from collections.abc import Mapping, Sequence

from tminus import events as ev
from tminus.backups.catalogue import Catalogue, Listed
from tminus.backups.judging import OF_THE_STORE
from tminus.outcome import Observation, Verdict, judge

_OF_ITS_MOMENT = OF_THE_STORE | {"loss", "restore_time"}
"""What is judged of the newest backup, and is over once another is: it says nothing against what is in this one."""

LastWords = Mapping[str, ev.BackupVerified]
"""A backup's name → how it came out when it was last looked at."""


def last_words(verified: Sequence[ev.BackupVerified], store: str) -> LastWords:
    """Of a store's backups; `verified` is in the order of time."""
    return {one.backup: one for one in verified if one.store == store}


def to_try_again(found: Catalogue, last: LastWords) -> list[Listed]:
    """The older backups that did not pass, the newest first, failed or not looked at to their end."""
    said = ((one, last.get(one.name)) for one in found.complete[1:])
    return [one for one, word in said if word is not None and word.outcome.verdict is not Verdict.PASS]


def still_failed(found: Catalogue, last: LastWords) -> tuple[str, ...]:
    """The names of the older backups that failed, the newest first."""
    said = ((one.name, last.get(one.name)) for one in found.complete[1:])
    return tuple(name for name, word in said if word is not None and _failed(word))


def failed_before(left: Sequence[str]) -> str:
    """`orders-20261120T030000Z failed when it was last looked at, and lies in its bucket still`."""
    more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
    return f"{left[0]}{more} failed when it was last looked at, and lies in its bucket still"


def is_doubtful(word: ev.BackupVerified) -> bool:
    """Whether what its files hold may be damaged: it did not pass, and not only by how old or how few backups are."""
    return word.outcome.verdict is not Verdict.PASS and _of_its_own(word) is not Verdict.PASS


def _failed(word: ev.BackupVerified) -> bool:
    if word.outcome.verdict is not Verdict.FAIL or not word.newest:
        return word.outcome.verdict is Verdict.FAIL
    return _of_its_own(word) is Verdict.FAIL


def _of_its_own(word: ev.BackupVerified) -> Verdict:
    if word.outcome.verdict is not Verdict.FAIL:
        return word.outcome.verdict
    own = {name: one for name, one in word.outcome.expected.items() if name not in _OF_ITS_MOMENT}
    return judge(own, Observation(found=word.outcome.found)).verdict
