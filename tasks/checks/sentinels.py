"""Redis Sentinel: whether all Sentinels agree on the primary, and could make another one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.redis_sentinels import Belief, beliefs
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation


class Sentinels(Check, frozen=True):
    """Whether the Sentinels answer, agree on one primary that is up, and are enough for a failover.

    Every Sentinel of the section is asked. `reachable` answer as a Sentinel does; `sentinels` of them watch the
    primary that most watch, and find it up. `same` is `yes` where all that answer watch that one; `primary` is `up`
    where more than half of all find it up. `quorum` and `replicas` are the fewest that any of them says; a replica
    counts that is up and follows. `able` counts the Sentinels that could agree on a failover now (SENTINEL CKQUORUM).
    A Sentinel that is reached under several addresses is reachable under the first only, by what it calls itself
    (SENTINEL MYID, since Redis 6.2). Where no Sentinel answers, the outcome is unknown.

    Attributes:
        sentinels: a name in the environment's `sentinels` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "sentinels": "",
        "quorum": "",
        "replicas": "",
        "reachable": "",
        "able": "",
        "same": "word",
        "primary": "word",
    }

    kind: Literal["redis.sentinels"] = "redis.sentinels"
    sentinels: str

    async def look(self, estate: Estate) -> Observation:
        """Asks all at once; raises CouldNotObserve where none answers."""
        seen = await beliefs(estate, self.sentinels)
        answering = [one for one in seen if not one.trouble]
        if not answering:
            raise CouldNotObserve(f"sentinels {self.sentinels}: none of {len(seen)} answers: {seen[0].line()}")
        agreeing = _agreeing(answering)
        same = len({one.primary for one in answering}) == 1 and bool(answering[0].primary)
        return Observation(
            found=(
                Measurement.number("sentinels", len(agreeing), of=len(seen)),
                Measurement.number("quorum", min(one.quorum for one in answering)),
                Measurement.number("replicas", min(one.replicas for one in answering)),
                Measurement.number("reachable", len(answering), of=len(seen)),
                Measurement.number("able", sum(one.able for one in answering), of=len(seen)),
                Measurement(name="same", word="yes" if same else "no"),
                Measurement(name="primary", word="up" if 2 * len(agreeing) > len(seen) else "down"),
            ),
            where=f"sentinels {self.sentinels}",
            details=tuple(one.line() for one in seen[:20]),
            because="; ".join(one.line() for one in seen if one not in agreeing or not one.able)[:300],
        )


def _agreeing(answering: Sequence[Belief]) -> list[Belief]:
    """Those that find the primary up that most watch; of two that as many watch, the first."""
    [(most, _)] = Counter(one.primary for one in answering).most_common(1)
    return [one for one in answering if one.primary == most and one.primary and one.up]
