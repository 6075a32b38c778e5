"""Whether two scenarios that are played at once break the same server, as far as the environment file tells.

What two references lead to is known only once their secrets are read; see tasks.scenarios.scenario.Scenario.breaks.
"""

from collections.abc import Iterator
from itertools import combinations

from tminus.drills.book import Drill, DrillsBook
from tminus.systems.drill_cloud import RdsInstance
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
        found: object = getattr(drills, section).get(name)
        match found:
            case PostgresCluster():
                yield from ((node.dsn, f"{name}-{node_name}") for node_name, node in found.nodes.items())
            case RedisGroup():
                yield from ((node.url, f"{name}-{node_name}") for node_name, node in found.nodes.items())
            case RestorablePostgres() | RdsInstance():
                yield found.dsn, f"{section}-{name}"
            case ServiceMachine():
                yield found.url, f"{section}-{name}"
            case Link():
                yield f"{found.proxy} of {found.api.url}", f"{section}-{name}"
            case KafkaBrokers():
                yield from ((f"{found.client} broker {number}", f"{name}-{number}") for number in found.brokers)
            case _:
                pass
