"""The watches that ``bench.watch`` plays: good releases, bad ones, and what strikes both versions alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.watch_traffic import Version


@dataclass(frozen=True)
class Scenario:
    """One kind of watch. The new version answers like the old one until sample ``onset``, then like ``new``.

    The old version answers its probes as before, or from ``onset`` on like ``outside``, if an outside cause strikes it.
    """

    name: str
    old: Version
    new: Version
    onset: int = 1
    requests: tuple[int, int] = (50, 200)  # per sample, uniform, both ends included
    baseline: int = 3000  # requests to the old version before the switch
    swing: tuple[float, float] = (0.0, 0.0)  # failures, median latency: amplitude of a slow wave, relative
    burst: int = 1  # each failure comes as so many
    outside: Version | None = None


GOOD = Version(0.0003)
AT_LIMIT = Version(0.001, 40 * 200 / 150)  # all that the book allows: 0.1 % fail, 5 % take longer than 200 ms
SLOW = Version(0.0003, 200.0)
CLEAN = (
    Scenario("clean", GOOD, GOOD),
    Scenario("clean_at_limit", AT_LIMIT, AT_LIMIT),
    Scenario("clean_drift", Version(0.0006), Version(0.0006), swing=(0.5, 0.1)),
)
UNPROMISED = (replace(CLEAN[0], name="failures_in_bursts_of_ten", burst=10),)
REHEARSAL = Scenario("rehearsal", GOOD, GOOD, requests=(30, 60), baseline=600)
BAD = (
    replace(REHEARSAL, name="bad_release_20pct_errors", new=Version(0.2)),
    replace(REHEARSAL, name="slow_release_5x_latency", new=SLOW),
    replace(REHEARSAL, name="late_20pct_errors_from_sample_30", new=Version(0.2), onset=30),
    replace(REHEARSAL, name="late_5x_latency_from_sample_30", new=SLOW, onset=30),
    Scenario("errors_5x_0.1pct_to_0.5pct", Version(0.001), Version(0.005), requests=(800, 1200), baseline=6000),
)
OUTSIDE = tuple(
    (replace(REHEARSAL, name=f"both_{name}", new=bad, outside=bad, onset=10), goal)
    for name, bad, goal in (
        ("5pct_errors", Version(0.05), 0.5),
        ("10pct_errors", Version(0.1), 0.9),
        ("20pct_errors", Version(0.2), 0.95),
        ("5x_latency", SLOW, 0.95),
    )
)
