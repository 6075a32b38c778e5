"""The checks of what a build leaves behind, as books write them, and what must make each of them fail."""

from pydantic import JsonValue

from bench.worlds.world import Case

_YAML = "settings/application.yaml"
_DRILL = "evidence/drill.json"
_API = "openapi.yaml"
_KEY = r"AKIA[A-Z0-9]{16}"

_TESTS = (
    Case(
        check="artifact.tests",
        given={"reports": "tests/unit.xml"},
        expect={"tests": ">= 12", "passed": "= all", "failed": "= 0", "skipped": "= 0", "age": "< 7 d"},
        broken_by=(
            *(("test_ends", "0", end) for end in ("failure", "error", "skipped")),
            *(("test_missing", "3"), "tests_old"),
        ),
    ),
    Case(
        check="artifact.tests",
        given={"reports": "tests/*.xml"},
        expect={"suites": ">= 5", "reports": ">= 5"},
        broken_by=(("suite_missing", "e2e"),),
    ),
    Case(
        check="artifact.tests",
        given={"reports": "tests/unit.xml", "only": ["pnl|profit", "slippage", "fee"]},
        expect={"unmatched": "= 0", "passed": "= all"},
        broken_by=(("test_missing", "2"), ("test_ends", "1", "failure"), ("test_ends", "2", "skipped")),
    ),
)

_COVERAGE = (
    Case(
        check="artifact.coverage",
        given={"report": "coverage.xml"},
        expect={"lines": "> 80 %", "branches": "> 70 %", "least": "> 80 %", "age": "< 7 d"},
        broken_by=(
            ("package_covered", "trading", "20", "52"),  # too few lines in all
            ("package_covered", "saga", "30", "16"),  # one bad package
            ("package_covered", "trading", "188", "0"),  # too few branches
            "coverage_old",
        ),
    ),
    Case(
        check="artifact.coverage",
        given={"report": "coverage.xml", "packages": ["trading", "saga"]},
        expect={"packages": "= all", "lines": "> 80 %", "least": "> 80 %"},
        broken_by=(("package_missing", "saga"), ("package_covered", "trading.fees", "40", "17")),
    ),
)

_K6_EXPECTED = {
    "p50": "< 5 ms",
    "p95": "< 12 ms",
    "p99": "< 15 ms",
    "errors": "< 0.5 %",
    "users": ">= 800",
    "rate": ">= 4000 requests/s",
    "duration": ">= 2 min",
    "requests": ">= 400000",
}
_K6_FOUND = (
    *(("k6_found", "p50", "7"), ("k6_found", "p95", "14"), ("k6_found", "p99", "18"), ("k6_found", "errors", "0.9")),
    *(("k6_found", "users", "700"), ("k6_found", "rate", "3000"), ("k6_found", "seconds", "90")),
    ("k6_found", "checks_failed", "12"),
)
_LOAD = (
    Case(
        check="artifact.load",
        given={"report": "load/spike.json", "tool": "k6", "dated_by": "file"},
        expect={**_K6_EXPECTED, "ramp": "<= 30 s", "age": "< 30 d"},
        broken_by=(*_K6_FOUND, ("k6_ramp", "45"), ("file_old", "load/spike.json", "40")),
    ),
    Case(
        check="artifact.load",
        given={"report": "load/orders.json", "tool": "k6"},
        expect=_K6_EXPECTED,
        broken_by=_K6_FOUND,
    ),
    Case(
        check="artifact.load",
        given={"report": "load/trading_stats.csv", "tool": "locust"},
        expect={
            "p50": "< 50 ms",
            "p95": "< 150 ms",
            "p99": "< 200 ms",
            "errors": "< 0.1 %",
            "users": ">= 200",
            "ramp": "<= 30 s",
            "duration": ">= 5 min",
            "rate": ">= 150 requests/s",
            "requests": ">= 50000",
            "age": "< 30 d",
        },
        broken_by=(
            *(("locust_found", "p50", "60"), ("locust_found", "p95", "160"), ("locust_found", "p99", "240")),
            *(("locust_found", "failures", "90"), ("locust_found", "requests", "900"), ("locust_rate", "120")),
            *(("locust_course", name, value) for name, value in (("users", "150"), ("ramp", "60"), ("seconds", "200"))),
            "locust_old",
        ),
    ),
    Case(
        check="artifact.load",
        given={"report": "load/orders.txt", "tool": "wrk", "dated_by": "file"},
        expect={
            "p50": "< 50 ms",
            "p99": "< 100 ms",
            "errors": "< 0.1 %",
            "users": ">= 64",
            "duration": ">= 30 s",
            "rate": ">= 1500 requests/s",
            "requests": ">= 40000",
            "age": "< 30 d",
        },
        broken_by=(
            *(("wrk_slow", "60", "94"), ("wrk_slow", "31", "140"), ("file_old", "load/orders.txt", "40")),
            *(("wrk_found", "refused", "60"), ("wrk_found", "lost", "60"), ("wrk_found", "users", "32")),
            *(("wrk_found", "seconds", "20"), ("wrk_found", "requests", "30000")),
        ),
    ),
)

_CLEAN = {"reports": ">= 1", "critical": "= 0", "high": "= 0", "medium": "= 0", "age": "< 7 d"}
_SCANS = (
    Case(
        check="artifact.scan",
        given={"reports": "scans/*.sarif", "tool": "sarif"},
        expect={**_CLEAN, "unrated": "= 0", "low": "= 0"},
        broken_by=(
            *(("found", "secrets.sarif", score) for score in ("9.8", "7.5", "5.0", "2.0", "")),
            ("scan_old", "secrets.sarif"),
        ),
    ),
    Case(
        check="artifact.scan",
        given={"reports": "scans/zap.json", "tool": "zap"},
        expect={**_CLEAN, "low": "<= 1"},
        broken_by=(("found", "zap.json", "3"), ("found", "zap.json", "2"), ("scan_old", "zap.json")),
    ),
    Case(
        check="artifact.scan",
        given={"reports": "scans/trivy.json", "tool": "trivy"},
        expect={**_CLEAN, "low": "= 0", "unrated": "= 0"},
        broken_by=(
            *(("found", "trivy.json", severity) for severity in ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")),
            *(("misconfigured", "HIGH"), ("scan_old", "trivy.json")),
        ),
    ),
    Case(
        check="artifact.scan",
        given={"reports": "scans/pip-audit.json", "tool": "pip-audit", "dated_by": "file"},
        expect={**_CLEAN, "unrated": "= 0", "unaudited": "= 0"},
        broken_by=(("found", "pip-audit.json", "PYSEC-2026-1"), ("file_old", "scans/pip-audit.json", "9")),
    ),
    Case(
        check="artifact.scan",
        given={"reports": "scans/npm-audit.json", "tool": "npm-audit", "dated_by": "file"},
        expect=_CLEAN,
        broken_by=(
            *(("found", "npm-audit.json", severity) for severity in ("critical", "high", "moderate")),
            ("file_old", "scans/npm-audit.json", "9"),
        ),
    ),
)


def _setting(file: str, pointer: str, old: str, new: str, **expect: str) -> Case:
    """A setting that is expected, and the same file with another in its place."""
    given: dict[str, JsonValue] = {"file": file, "pointer": pointer}
    return Case("artifact.setting", given, {"present": "= yes", **expect}, (("says", file, old, new),))


_SETTINGS = (
    _setting(_YAML, "/database/pool/max", "max: 100", "max: 90", value="= 100"),
    _setting(_YAML, "/database/pool/timeout", "timeout: 30s", "timeout: 90s", seconds="<= 30 s"),
    _setting(_YAML, "/redis/pool/min", "min: 10,", "", value=">= 10"),
    _setting(_YAML, "/redis/max_memory", "512Mi", "512Ki", bytes=">= 500 MB"),
    _setting(_YAML, "/logging/level", "info", "debug", word="= info"),
    _setting(_YAML, "/logging/keep", "30d", "7d", days=">= 30 d"),
    _setting(_YAML, "/websocket/batch/max_wait", "50ms", "5s", milliseconds="<= 100 ms"),
    _setting(_YAML, "/tracing/share", "share: 0.1", "share: 0.001", ratio=">= 1 %"),
    _setting(_YAML, "/cache/hit_target", "85%", "60%", percent=">= 80 %"),
    _setting(_YAML, "/cache/ttl", "1h30m", "9h", hours="<= 2 h"),
    _setting(_YAML, "/features", "[orders, risk, withdrawals]", "[orders]", count=">= 3"),
    _setting(_DRILL, "/finished_at", "finished_at", "finished", age="<= 31 d"),
    _setting(_DRILL, "/recovery_seconds", "1260", "7200", seconds="<= 1 h"),
    _setting("evidence/restore.json", "/finished_at", '"finished_at": "202', '"finished_at": "200', age="<= 31 d"),
    _setting("settings/worker.env", "/QUEUE_WAIT", "15s", "90s", seconds="<= 15 s"),
    _setting("settings/redis.conf", "/appendfsync", "everysec", "no", word="= everysec"),
    _setting("settings/service.toml", "/service/replicas", "replicas = 3", "replicas = 1", value=">= 3"),
    _setting(
        "settings/manifests.yaml", "/1/spec/provider/aws/region", "eu-central-1", "us-east-1", word="= eu-central-1"
    ),
)

_OTHERS = (
    Case(
        check="artifact.text",
        given={"files": "settings/*", "pattern": _KEY},
        expect={"matches": "= 0", "files": "= 0", "searched": ">= 5"},
        broken_by=(("secret_in", _YAML), ("secret_in", "settings/worker.env")),
    ),
    Case(
        check="artifact.text",
        given={"files": "ci/workflow.yaml", "pattern": r"cov-fail-under=\$COVERAGE_MINIMUM"},
        expect={"matches": ">= 1"},
        broken_by=(("says", "ci/workflow.yaml", "--cov-fail-under=$COVERAGE_MINIMUM", ""),),
    ),
    Case(
        check="artifact.openapi",
        given={"file": _API},
        expect={"valid": "= yes"},
        broken_by=(
            ("says", _API, "title: Vatic, ", ""),
            ("says", _API, "'#/components/schemas/Order'", "'#/components/schemas/Odrer'"),
        ),
    ),
    Case(
        check="artifact.openapi",
        given={"file": _API, "public": ["POST /auth/login"]},
        expect={"operations": ">= 4", "secured": "= all", "validated": "= all", "described": "= all"},
        broken_by=(
            ("says", _API, "security:\n  - bearer: []\ncomponents", "components"),  # nothing wants a token
            ("says", _API, "summary: Places an order", "security: []\n      summary: Places an order"),
            ("says", _API, "summary: Places an order", "security: [{bearer: []}, {}]\n      summary: Places an order"),
            ("says", _API, "  - bearer: []\n", "  - cookie: []\n"),  # a scheme that is not defined
            ("says", _API, "schema: {$ref: '#/components/schemas/Order'}", "schema: {}"),
            ("says", _API, ", schema: {type: integer, maximum: 100}", ""),
            ("says", _API, "      summary: Shows one order\n", ""),
        ),
    ),
    Case(
        check="artifact.experiment",
        given={"reports": "chaos/*.json"},
        expect={"experiments": ">= 8", "completed": "= all", "held": "= all", "age": "< 90 d"},
        broken_by=(
            *(("experiment", "kafka-broker", end) for end in ("deviated", "aborted", "unsteady", "looked", "old")),
            ("experiment_missing", "redis-connection"),
        ),
    ),
    Case(
        check="artifact.sbom",
        given={"file": "sbom.json"},
        expect={"components": ">= 3", "versioned": "= all", "age": "< 7 d"},
        broken_by=(("bill", "1.0", "2.3"), ("bill", "1.0", "2.3", ""), "bill_old"),
    ),
)

CASES = (*_TESTS, *_COVERAGE, *_LOAD, *_SCANS, *_SETTINGS, *_OTHERS)
