"""What a witness saw: every log-in counted, every refusal dated and attributed, every late one counted as late."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TextIO

RefusalKind = Literal["password", "switched off", "permission", "cut off", "unreachable", "key", "signature", "secret"]
"""Why a client was turned away:

`password` and `switched off` are the server's refusals to log in; `permission` its refusal of a question that must be
allowed; `cut off` a connection that ended by itself; `unreachable` a server that did not answer; `key` a token whose
key is not published, and `signature` one that does not verify; `secret` what Secrets Manager did not give.
"""
AUTHENTICATION: frozenset[RefusalKind] = frozenset({"password", "switched off"})
"""Those that the server counts itself."""


@dataclass(frozen=True)
class Refusal:
    """One client that was turned away.

    Attributes:
        at: when, in seconds of Unix time.
        version: the version of the secret that it held.
        held: for how many seconds it had held it.
        by: `log-in` or `pool`.
        said: the server's words; they hold no secret.
    """

    at: float
    arm: str
    secret: str
    user: str
    version: str
    kind: RefusalKind
    held: float
    by: str
    said: str


@dataclass
class Sight:
    """The counts of one arm.

    Attributes:
        log_ins: that were tried, those of pools among them.
        late: that began later than they should.
        latest: by how many seconds the latest.
        questions: asked on connections of pools.
        longest_held: for how many seconds a value was held at most, when it was used to log in.
        versions: of secrets, by which somebody got in.
        first, last: when the first and the last log-in began, in seconds of Unix time.
    """

    log_ins: int = 0
    late: int = 0
    latest: float = 0.0
    questions: int = 0
    longest_held: float = 0.0
    versions: set[str] = field(default_factory=set)
    first: float = 0.0
    last: float = 0.0

    @property
    def rate(self) -> float:
        """Log-ins a second, from the first to the last."""
        return self.log_ins / (self.last - self.first) if self.last > self.first else 0.0

    def joined(self, other: "Sight") -> "Sight":
        """Both together."""
        seen = [one for one in (self, other) if one.log_ins]
        return Sight(
            self.log_ins + other.log_ins,
            self.late + other.late,
            max(self.latest, other.latest),
            self.questions + other.questions,
            max(self.longest_held, other.longest_held),
            self.versions | other.versions,
            min((one.first for one in seen), default=0.0),
            max((one.last for one in seen), default=0.0),
        )


class Count:
    """Counts for the threads of one witness; each refusal is on disk before anything else happens.

    Args:
        path: a file of JSON lines; the counts are its last line, once `close` was called.
    """

    def __init__(self, path: Path, late_after: float) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)
        self._late_after = late_after
        self._lock = threading.Lock()
        self._arms: dict[str, Sight] = {}

    def began(self, arm: str, at: float, late: float, held: float) -> None:
        """A log-in began at `at`, `late` seconds after its time, with a value held for `held` seconds."""
        with self._lock:
            sight = self._arms.setdefault(arm, Sight(first=at))
            sight.log_ins += 1
            sight.late += late > self._late_after
            sight.latest = max(sight.latest, late)
            sight.longest_held = max(sight.longest_held, held)
            sight.last = max(sight.last, at)

    def got_in(self, arm: str, version: str) -> None:
        """It succeeded."""
        with self._lock:
            self._arms.setdefault(arm, Sight()).versions.add(version)

    def asked(self, arm: str) -> None:
        """A question on a connection that stays open."""
        with self._lock:
            self._arms.setdefault(arm, Sight()).questions += 1

    def refused(self, refusal: Refusal) -> None:
        """Somebody was turned away."""
        with self._lock:
            self._file.write(json.dumps({"refused": asdict(refusal)}) + "\n")

    def so_far(self) -> int:
        """Log-ins of all arms."""
        with self._lock:
            return sum(sight.log_ins for sight in self._arms.values())

    def close(self) -> None:
        """Writes the counts."""
        with self._lock:
            arms = {arm: {**asdict(one), "versions": sorted(one.versions)} for arm, one in self._arms.items()}
            self._file.write(json.dumps({"seen": arms}) + "\n")
            self._file.close()


@dataclass(frozen=True)
class Testimony:
    """What witnesses say together.

    Attributes:
        whole: whether each of them came to its end; one that was killed counts less than it saw.
    """

    arms: Mapping[str, Sight]
    refusals: tuple[Refusal, ...]
    whole: bool

    def of(self, arm: str) -> Sight:
        """One arm's counts."""
        return self.arms.get(arm, Sight())

    def refused(self, arm: str) -> list[Refusal]:
        """One arm's refusals, the earliest first."""
        return sorted((one for one in self.refusals if one.arm == arm), key=lambda one: one.at)

    def authentication(self) -> Counter[str]:
        """How often each user was refused to log in, as the server counts it."""
        return Counter(one.user for one in self.refusals if one.kind in AUTHENTICATION)


def read_testimony(paths: Iterable[Path]) -> Testimony:
    """What their files hold."""
    arms: dict[str, Sight] = {}
    refusals: list[Refusal] = []
    whole = True
    for path in paths:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        refusals.extend(Refusal(**line["refused"]) for line in lines if "refused" in line)
        counts = [line["seen"] for line in lines if "seen" in line]
        whole = whole and len(counts) == 1
        for arm, told in (item for count in counts for item in count.items()):
            arms[arm] = arms.get(arm, Sight()).joined(Sight(**{**told, "versions": set(told["versions"])}))
    return Testimony(arms, tuple(refusals), whole)
