"""Metrics of one instance, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

# Fine around what a launch tells apart: about 12 ms in health, 50 ms when five times slower, 200 ms allowed.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.5)


class Meters:
    """Counters, histograms and gauges of business requests; probes of the instance itself are not counted."""

    def __init__(self, *, version: str, artifact_digest: str, config_digest: str, instance: str) -> None:
        """Create the metrics at zero in a registry of their own."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._registry = registry
        self._version = version
        self._requests = Counter(
            "http_requests", "Business requests answered.", ["method", "path", "status", "version"], registry=registry
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from a business request's arrival to its answer.",
            ["method", "path", "version"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.orders_placed = Counter("orders_placed", "Orders stored.", ["version"], registry=registry).labels(version)
        self.cache_hits = Counter("cache_hits", "Look-ups answered by the cache.", registry=registry)
        self.cache_misses = Counter("cache_misses", "Look-ups that the cache could not answer.", registry=registry)
        self.websockets = Gauge("websocket_connections", "Open price streams.", registry=registry)
        build = Gauge(
            "build_info",
            "Which build this is; always 1.",
            ["version", "artifact_digest", "config_digest", "instance"],
            registry=registry,
        )
        build.labels(version, artifact_digest, config_digest, instance).set(1)

    def observe(self, *, method: str, path: str, status: int, duration_s: float) -> None:
        """Count one business request; ``path`` is the route's template, so that ids do not become labels."""
        self._requests.labels(method, path, str(status), self._version).inc()
        self._durations.labels(method, path, self._version).observe(duration_s)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
