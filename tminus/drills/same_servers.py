"""Whether two scenarios that are played at once break the same server, as far as the environment file tells.

What two references lead to is known only once their secrets are read; see tasks.scenarios.scenario.Scenario.breaks.
"""

from collections.abc import Iterator
from itertools import combinations

from tminus.drills.book import Drill, DrillsBook
from tminus.systems.drill_cloud import AuroraCluster, ElastiCacheGroup, RdsInstance
from tminus.systems.drill_links import Link
from tminus.systems.drills import (
    Drills,
    KafkaBrokers,
    PostgresCluster,
    RedisGroup,
    RestorablePostgres,
    ServiceMachine,
)


def collisions(book: DrillsBook, drills: Drills, names: tuple[str, ...]) -> Iterator[str]:
    """A sentence for each two of these scenarios that break the same, or whose servers' commands share a lock."""
    for one, other in combinations(names, 2):
        first, second = (dict(_servers(drills, book.scenarios[name])) for name in (one, other))
        if same := [address for address in first if address in second]:
            yield f"{one} and {other} break the same: {', '.join(same)}; leave one of them out"
        elif same := [lock for lock in first.values() if lock in second.values()]:
            yield (
                f"{one} and {other} both have a server {', '.join(same)} (group or cluster, and node), in different "
                "sections of `drills`, and the commands of one would wait for the other's; rename one in the "
                "environment file"
            )


def _servers(drills: Drills, drill: Drill) -> Iterator[tuple[str, str]]:
    """Each server that it may break, by its address's reference, with the name of the lock for its commands."""
    for field, section in drill.sections.items():
        name = str(getattr(drill, field))
        for address, node in _addresses(getattr(drills, section).get(name)):
            yield address, f"{name}-{node}" if node else f"{section}-{name}"


def _addresses(entry: object) -> Iterator[tuple[str, str]]:
    """Of one entry: address → the node that has it, where it has several."""
    match entry:
        case PostgresCluster():
            yield from ((node.dsn, name) for name, node in entry.nodes.items())
        case RedisGroup():
            yield from ((node.url, name) for name, node in entry.nodes.items())
        case KafkaBrokers():
            yield from ((f"{entry.client} broker {number}", str(number)) for number in entry.brokers)
        case _:
            yield from ((address, "") for address in _own(entry))


def _own(entry: object) -> tuple[str, ...]:
    """The addresses of what has no nodes; all that it goes by."""
    match entry:
        case RestorablePostgres():
            return (entry.dsn,)
        case ServiceMachine():
            return (entry.url,)
        case Link():
            return (f"{entry.proxy} of {entry.api.url}",)
        case RdsInstance():
            return (entry.dsn, f"the instance {entry.instance}")
        case AuroraCluster():
            return (entry.dsn, f"the cluster {entry.cluster}")
        case ElastiCacheGroup():
            return (entry.url, f"the replication group {entry.group}")
        case _:
            return ()
