"""The memory behind the fake of Grafana: scrapes Prometheus text from its targets and keeps the last minutes."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, TypeAdapter, ValidationError

EVERY = 0.5  # seconds between two scrapes
KEPT = 1200  # points per series: ten minutes
Labels = tuple[tuple[str, str], ...]


class TargetGroup(BaseModel):
    """One entry of Prometheus' file_sd format: `host:port` of each target, and labels for all of them."""

    targets: list[str]
    labels: dict[str, str] = {}


_FILE = TypeAdapter(list[TargetGroup])


@dataclass(frozen=True)
class Series:
    """One labelled sequence of (seconds since 1970, value), oldest first."""

    labels: Mapping[str, str]
    points: list[tuple[float, float]]


@dataclass
class Store:
    """Every series seen, by metric name and labels."""

    _points: dict[str, dict[Labels, deque[tuple[float, float]]]] = field(default_factory=dict)

    def add(self, name: str, labels: Mapping[str, str], at: float, value: float) -> None:
        """Remember one value."""
        key = tuple(sorted(labels.items()))
        self._points.setdefault(name, {}).setdefault(key, deque(maxlen=KEPT)).append((at, value))

    def select(self, name: str, start: float, end: float) -> list[Series]:
        """The series of a metric with at least one point between two times, in seconds since 1970."""
        found = (
            Series(dict(labels), [(at, value) for at, value in points if start <= at <= end])
            for labels, points in self._points.get(name, {}).items()
        )
        return [series for series in found if series.points]


class Scraper:
    """Reads its targets from a file, again before each scrape, and fetches /metrics from each of them."""

    def __init__(self, targets: Path) -> None:
        self._targets = targets
        self.series = Store()

    async def run(self) -> None:
        """Scrape for ever; a target that does not answer gets `up` 0, as in Prometheus."""
        async with httpx.AsyncClient(timeout=EVERY * 2) as client:
            while True:
                begun, at = time.monotonic(), time.time()
                scrapes = (
                    self._scrape(client, at, target, group.labels)
                    for group in self._groups()
                    for target in group.targets
                )
                await asyncio.gather(*scrapes)
                await asyncio.sleep(max(0.05, EVERY - (time.monotonic() - begun)))

    def _groups(self) -> list[TargetGroup]:
        try:
            return _FILE.validate_json(self._targets.read_bytes())
        except (OSError, ValidationError):  # not written yet, or half written: the next look is half a second away
            return []

    async def _scrape(self, client: httpx.AsyncClient, at: float, target: str, labels: Mapping[str, str]) -> None:
        own = {**labels, "instance": target}
        try:
            answer = await client.get(f"http://{target}/metrics")
            families = list(text_string_to_metric_families(answer.raise_for_status().text))
        except (httpx.HTTPError, ValueError):
            self.series.add("up", own, at, 0.0)
            return
        self.series.add("up", own, at, 1.0)
        for sample in (sample for family in families for sample in family.samples):
            self.series.add(sample.name, {**sample.labels, **own}, at, sample.value)
