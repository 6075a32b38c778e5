"""What breaks the lines of TradeSense's launch day: what the steps of launch.yaml look at on the day itself."""

from collections.abc import Mapping

from bench.proofs.proof import AtStart, Fault
from bench.worlds.backups import BackupsWorld
from bench.worlds.estates import LAUNCH
from bench.worlds.launch_platform import LaunchPlatform
from bench.worlds.world import World

_PIP, _NPM, _SARIF = "pip-audit", "npm-audit", "sarif"
_REQUESTS = 150
_TABLES = ("public.accounts", "public.orders")
_BOARDS = ("service-health", "business")
_BLUE = ("blue-1", "blue-2", "blue-3")
_HEALTH = "GET /health"


def _before_a_launch(world: World) -> None:
    assert isinstance(world, LaunchPlatform)
    world.before_a_launch(_REQUESTS)


def _backed_up_after_it(world: World) -> None:
    assert isinstance(world, BackupsWorld)
    world.also("post-launch", LAUNCH, hours=0.5)


AT_START: Mapping[str, AtStart] = {"launch_platform": _before_a_launch, "backups": _backed_up_after_it}


def _on(name: str, *words: str) -> Fault:
    return ("launch_platform", name, *words)


def _stored(hours: str) -> tuple[Fault, ...]:
    """What `tminus backup` took is not there, not as it was written, of something else, in the clear, or so old."""
    broken = ("none", "never_completed", "unrecorded", "altered", "another_store", "empty")
    return (
        *(("stored-backups", fault) for fault in (*broken, "file_gone", "replaced", "cut", "in_the_clear")),
        ("stored-backups", "taken", hours),
        *(("stored-backups", "no_row_of", table) for table in _TABLES),
    )


def _proven(hours: str) -> tuple[Fault, ...]:
    """A backup did not come up whole when it was restored, took too long, or was last restored so long ago."""
    return (
        *(("verified-backups", "came_out", verdict) for verdict in ("fail", "unknown")),
        ("verified-backups", "an_older_one_is_bad"),
        ("verified-backups", "took", "3601"),
        ("verified-backups", "verified", hours),
    )


def _of_launch(hours: str) -> tuple[Fault, ...]:
    """The launch's own backup is not there, not whole, of something else, in the clear, or so old."""
    broken = ("none", "another_database", "empty", "dump_gone", "replaced", "in_the_clear")
    return (
        *(("backups", fault) for fault in broken),
        ("backups", "taken", hours),
        *(("backups", "no_row_of", table) for table in _TABLES),
    )


def _other_builds(name: str) -> tuple[Fault, ...]:
    return tuple(_on("build_is", name, what) for what in ("version", "artifact", "config"))


_ONLINE = (
    _on("instance_down", "blue-3"),
    _on("says", "blue-2", _HEALTH, '"status":"up"', '"status":"degraded"'),
    _on("says", "blue-2", _HEALTH, '"redis"', '"cache"'),
    _on("says", "blue-2", _HEALTH, '"database"', '"store"'),
    _on("redis_down"),
    _on("database_refuses"),
    _on("front_down"),
    _on("front_shows_a_page"),
)

_LINES: Mapping[str, tuple[Fault, ...]] = {
    "pre-launch-t-4-hours/1": (
        *(("launch_reports", "finds", tool, severity) for tool in (_SARIF, _NPM) for severity in ("critical", "high")),
        ("launch_reports", "finds", _PIP, "unrated"),
        ("launch_reports", "left_out"),
        *(("launch_reports", "made", tool, "24.1") for tool in (_PIP, _NPM)),
        ("launch_reports", "says_itself_that_it_is_old"),
    ),
    "pre-launch-t-4-hours/2": (
        *_stored("24.1"),
        *_proven("24.1"),
        ("verified-backups", "never"),
        ("verified-backups", "another_store"),
        ("verified-backups", "lost", "90001"),
    ),
    "pre-launch-t-4-hours/3": (
        *_ONLINE,
        _on("is_slow", "blue-1", _HEALTH, "0.25"),
        ("postgres", "standby_gone"),
        ("redis", "replica_gone"),
        ("redis", "replica_stands_still"),
    ),
    "pre-launch-t-4-hours/4": (
        *(("grafana", fault, uid) for fault in ("dashboard_gone", "dashboard_emptied") for uid in _BOARDS),
        ("grafana", "panel_broken", "business"),
        ("grafana", "points_stopped", "61"),
        ("grafana", "nothing_scraped"),
    ),
    "launch-t-0/1": (
        *_other_builds("green-1"),
        _on("instance_down", "green-1"),
        _on("goes_wrong", "green-1", "unhealthy", "true"),
        _on("says", "green-1", _HEALTH, '"redis"', '"cache"'),
        _on("redis_down"),
    ),
    "launch-t-0/2": (*_ONLINE, *(fault for name in _BLUE for fault in _other_builds(name))),
    "launch-t-0/3": (
        _on("front_down"),
        _on("answers", "blue", "POST /api/login", "401"),
        _on("answers", "blue", "GET /prices", "403"),
        _on("front_does_not_upgrade"),
        _on("says", "blue", "GET /prices", '"price"', '"cost"'),
        _on("answers", "blue", "POST /api/orders", "500"),
        _on("says", "blue", "POST /api/orders", '"status":"open"', '"status":"rejected"'),
        _on("says", "blue", "GET /api/portfolio", "BTCUSD", "ETHUSD"),
        _on("says", "blue", "DELETE /api/orders", '"cancelled"', '"open"'),
        _on("answers", "blue", "DELETE /api/accounts", "403"),
        _on("says", "blue", "POST /api/accounts", '"synthetic":true', '"synthetic":false'),
    ),
    "launch-t-0/4": (_on("goes_wrong", "blue", "error_rate", "0.2"), _on("is_slow_in_a_crowd", "25")),
    "launch-t-0/5": (_on("goes_wrong", "blue", "error_rate", "0.2"), _on("is_slow_in_a_crowd", "25")),
    "post-launch-t+4-hours/1": (
        _on("went_wrong", "blue-1"),
        *(_on("wrote", name, "Traceback (most recent call last):") for name in _BLUE),
    ),
    "post-launch-t+4-hours/2": (
        _on("went_wrong", "blue-1"),
        _on("is_slow_in_a_crowd", "25"),
        _on("restarted", "blue-2"),
    ),
    "post-launch-t+4-hours/3": (*_of_launch("1.01"), *_proven("4.1")),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/launch-day-checklist/{line}": faults for line, faults in _LINES.items()
}
