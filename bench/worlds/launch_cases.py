"""What the checks of a launched service are held against: health, builds, a customer's journey, metrics, logs."""

from pydantic import JsonValue

from bench.worlds.launch_servers import SERVICE
from bench.worlds.world import Case

PASSWORD = "TMINUS_WORLD_LAUNCH_PASSWORD"  # noqa: S105 - the name of a variable

_ASKED: dict[str, JsonValue] = {
    "services": [SERVICE],
    "components": ["database", "redis"],
    "samples": 2,
    "within": "800ms",
}
_UP, _HEALTH = '"status":"up"', "GET /health"
_COUNTED = {"service": SERVICE, "over": "500ms", "within": "800ms"}
_HISTOGRAM = "http_request_duration_seconds"
_BEARER: JsonValue = {"Authorization": "Bearer {token}"}
_CREDENTIALS: dict[str, JsonValue] = {"email": "launch-{unique}@synthetic.test", "password": "{customer}"}
_STEPS: list[JsonValue] = [
    {
        "name": "open an account",
        "request": "POST /api/accounts",
        "json": {**_CREDENTIALS, "synthetic": True},
        "expect": {"status": 201},
        "capture": {"account": "id"},
    },
    {
        "name": "log in",
        "request": "POST /api/login",
        "json": _CREDENTIALS,
        "log_in": True,
        "capture": {"token": "token"},
    },
    {
        "name": "watch prices",
        "websocket": "/prices",
        "receive": 8,
        "within": "1s",
        "expect": {"has": ["symbol", "price"]},
    },
    {
        "name": "buy",
        "request": "POST /api/orders",
        "headers": _BEARER,
        "json": {"symbol": "BTCUSD", "side": "buy", "quantity": "1"},
        "expect": {"status": 201, "json": {"status": "open"}},
        "capture": {"order": "id"},
    },
    {
        "name": "see the position",
        "request": "GET /api/portfolio",
        "headers": _BEARER,
        "expect": {"json": {"positions.0.symbol": "BTCUSD"}},
    },
    {
        "name": "cancel",
        "request": "DELETE /api/orders/{order}",
        "headers": _BEARER,
        "expect": {"json": {"status": "cancelled"}, "header": {"X-Version": "2.0.0"}},
    },
]

_METRICS = (
    Case(
        "metrics.scrape",
        {"service": SERVICE, "since": "start", "minimum": 10},
        {"error_rate": "< 0.1 %", "p95": "< 200 ms", "restarted": "= 0", "instances": "= 3"},
        (("restarted", "blue-2"), ("went_wrong", "blue-1"), ("is_slow_in_a_crowd", "25")),
        (("answers", "blue-3", "GET /metrics", "404"), ("instance_down", "blue-3")),
    ),
    Case(
        "metrics.scrape",
        _COUNTED,
        {"error_rate": "< 1 %", "p95": "< 200 ms", "rate": ">= 12 requests/s", "instances": "= 3"},
        (
            ("goes_wrong", "blue-1", "error_rate", "1.0"),
            ("goes_wrong", "blue-2", "latency_factor", "30"),
            ("traffic_is", "4"),
            ("front_leaves_out", "blue-3"),
        ),
        (
            ("goes_wrong", "blue-1", "no_metrics", "true"),
            ("says", "blue-1", "GET /metrics", _HISTOGRAM, "http_request_latency"),
            ("says", "blue-1", "GET /metrics", 'status="', 'code="'),
            ("shows", "blue-1", "GET /metrics", "<h1>metrics</h1>"),
            ("instance_hangs", "blue-2"),
            ("traffic_is", "0"),
            "configuration_is_torn",
        ),
    ),
    Case(
        "metrics.scrape",
        {**_COUNTED, "over": "1s"},
        {"p50": "< 200 ms", "p99": "< 500 ms"},
        (("goes_wrong", "blue", "latency_factor", "30"), ("goes_wrong", "blue-1", "latency_factor", "70")),
        (("says", "blue", "GET /metrics", _HISTOGRAM, "http_request_latency"),),
    ),
    Case("metrics.scrape", {**_COUNTED, "over": "3s"}, {"restarted": "= 0"}, (("restarts_soon", "blue-3"),)),
)

_LOGS = (
    Case(
        "logs.error_signatures",
        {"service": SERVICE, "window": "1h"},
        {"new_signatures": "= 0", "unstructured": "= 0", "errors": "= 0", "logs": "= all"},
        (("went_wrong", "blue-1"), ("wrote", "blue-2", "Traceback (most recent call last):")),
    ),
)

_HEALTH_CASES = (
    Case(
        "http.health",
        {**_ASKED, "readiness": "/ready"},
        {
            "healthy": "= all",
            "front": "= all",
            "components": "= all",
            "ready": "= all",
            "p95": "< 500 ms",
            "instances": "= 3",
        },
        (
            ("instance_down", "blue-3"),
            ("instance_hangs", "blue-1"),
            "redis_down",
            "database_refuses",
            ("says", "blue-2", _HEALTH, _UP, '"status":"degraded"'),
            ("says", "blue-2", _HEALTH, '"redis"', '"cache"'),
            ("says", "blue-2", _HEALTH, '"healthy"', '"unhealthy"'),
            ("goes_wrong", "blue-1", "unhealthy", "true"),
            ("shows", "blue-1", _HEALTH, "We will be back soon"),
            ("shows", "blue-1", _HEALTH, "{}"),
            ("answers", "blue-1", "GET /ready", "503"),
            ("is_slow", "blue-1", _HEALTH, "0.6"),
            "front_down",
            "front_shows_a_page",
            ("front_leaves_out", "blue-2"),
        ),
        ("configuration_is_torn",),
    ),
    Case(
        "http.health",
        {**_ASKED, "pool": "idle"},
        {"healthy": "= all", "components": "= all", "instances": ">= 1"},
        (("instance_down", "green-1"), ("goes_wrong", "green-1", "unhealthy", "true"), "redis_down"),
    ),
    Case(
        "http.health",
        {"services": ["gateway"], "body": "OK", "samples": 2},
        {"healthy": "= all", "front": "= all"},
        (
            ("shows", "blue-1", "GET /live", "We will be back soon"),
            ("answers", "blue-2", "GET /live", "503"),
            "front_down",
        ),
    ),
)

_BUILDS = (
    Case(
        "fleet.sameness",
        {"service": SERVICE},
        {"same": "= all", "versions": "= 1", "instances": "= 3", "front": "= all"},
        (
            ("build_is", "blue-3", "version"),
            ("build_is", "blue-1", "artifact"),
            ("build_is", "blue-2", "config"),
            ("instance_down", "blue-2"),
            ("front_leaves_out", "blue-1"),
            "front_serves_the_old",
            "front_down",
        ),
        (
            ("answers", "blue-1", "GET /version", "503"),
            ("shows", "blue-1", "GET /version", "2.0.0"),
            ("says", "blue-1", "GET /version", '"artifact_digest"', '"image"'),
            ("instance_hangs", "blue-3"),
            "configuration_is_torn",
        ),
    ),
    Case(
        "fleet.sameness",
        {"service": SERVICE, "pool": "idle", "build": "rollback_to"},
        {"same": "= all", "versions": "= 1"},
        (("build_is", "green-1", "version"), ("build_is", "green-1", "config"), ("instance_down", "green-1")),
    ),
)

_JOURNEYS = (
    Case(
        "journey",
        {
            "service": SERVICE,
            "secrets": {"customer": f"env:{PASSWORD}"},
            "flagged": {"step": "open an account", "path": "synthetic"},
            "steps": _STEPS,
            "clean_up": [
                {"name": "close the account", "request": "DELETE /api/accounts/{account}", "headers": _BEARER}
            ],
        },
        {"steps": "= all", "cleaned": "= all", "took": "< 2 s"},
        (
            "front_down",
            "database_refuses",
            ("goes_wrong", "blue", "error_rate", "1.0"),
            ("goes_wrong", "blue", "latency_factor", "60"),
            ("says", "blue", "POST /api/accounts", '"synthetic":true', '"synthetic":false'),
            ("says", "blue", "POST /api/accounts", '"id"', '"number"'),
            ("answers", "blue", "POST /api/login", "401"),
            ("says", "blue", "POST /api/login", '"token":', '"ticket":'),
            "front_does_not_upgrade",
            ("answers", "blue", "GET /prices", "403"),
            ("is_slow", "blue", "GET /prices", "1.5"),
            ("says", "blue", "GET /prices", '"price"', '"cost"'),
            ("answers", "blue", "POST /api/orders", "500"),
            ("says", "blue", "POST /api/orders", '"status":"open"', '"status":"rejected"'),
            ("says", "blue", "GET /api/portfolio", "BTCUSD", "ETHUSD"),
            ("shows", "blue", "GET /api/portfolio", "We will be back soon"),
            ("says", "blue", "DELETE /api/orders", '"cancelled"', '"open"'),
            ("says", "blue", "DELETE /api/orders", "2.0.0", "1.9.0"),
            ("answers", "blue", "DELETE /api/accounts", "403"),
        ),
    ),
)

CASES = (*_METRICS, *_LOGS, *_HEALTH_CASES, *_BUILDS, *_JOURNEYS)
