"""What a build leaves behind: reports of tests, coverage, load and chaos, scans, settings, an API's description."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from bench.worlds.artifact_cases import CASES
from bench.worlds.file_changes import changed, dated, gone, replaced
from bench.worlds.report_faults import REPORT_CASES, ReportFaults
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.papers import scans
from deployments.rehearsal.papers.reports import (
    ago,
    cobertura,
    junit,
    k6_export,
    k6_summary,
    k6_values,
    locust_history,
    locust_stats,
    write,
    wrk_text,
)
from deployments.rehearsal.papers.systems import CHAOS, COVERAGE, UNIT, tradesense, vatic
from tminus.clock import now

_K6 = {"p50": 2.9, "p95": 6.4, "p99": 8.2, "errors": 0.02, "users": 1200.0, "rate": 4100.0, "seconds": 600.0}
_LOCUST = {"requests": 54000, "failures": 16, "p50": 38, "p95": 120, "p99": 185}
_COURSE = {"users": 200, "ramp": 20, "seconds": 300}
_WRK = {"requests": 49120, "seconds": 30, "users": 64, "refused": 0, "lost": 0}


class Artifacts(ReportFaults):
    """The files themselves, in the tools' own formats; each fault rewrites one of them."""

    system: ClassVar[str] = "artifacts"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (*CASES, *REPORT_CASES)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Files need nobody to run."""
        write(self.root, {**tradesense(), **vatic()})
        yield

    def sections(self) -> Sections:
        """Where they are."""
        return {"artifacts": str(self.root)}

    @fault
    def test_ends(self, number: str, end: str) -> Iterator[None]:
        """One of the unit tests does not pass: `failure`, `error` or `skipped`."""
        tests = [(of, name, end if str(n) == number else was) for n, (of, name, was) in enumerate(UNIT)]
        with changed(self.root / "tests/unit.xml", junit("unit", tests, ago(hours=2))):
            yield

    @fault
    def test_missing(self, number: str) -> Iterator[None]:
        """One of the unit tests is no longer there."""
        tests = [test for n, test in enumerate(UNIT) if str(n) != number]
        with changed(self.root / "tests/unit.xml", junit("unit", tests, ago(hours=2))):
            yield

    @fault
    def suite_missing(self, name: str) -> Iterator[None]:
        """A suite left no report."""
        with gone(self.root / "tests" / f"{name}.xml"):
            yield

    @fault
    def tests_old(self) -> Iterator[None]:
        """The unit tests ran ten days ago; their report is a fresh copy."""
        with changed(self.root / "tests/unit.xml", junit("unit", UNIT, ago(days=10))):
            yield

    @fault
    def package_covered(self, name: str, lines_run: str, branches_run: str) -> Iterator[None]:
        """Fewer lines and branches of a package ran."""
        lines, _, branches, _ = COVERAGE[name]
        packages = {**COVERAGE, name: (lines, int(lines_run), branches, int(branches_run))}
        with changed(self.root / "coverage.xml", cobertura(packages, now())):
            yield

    @fault
    def package_missing(self, name: str) -> Iterator[None]:
        """A package is not measured any more."""
        packages = {package: counts for package, counts in COVERAGE.items() if package != name}
        with changed(self.root / "coverage.xml", cobertura(packages, now())):
            yield

    @fault
    def coverage_old(self) -> Iterator[None]:
        """The coverage is of last month; its report is a fresh copy."""
        with changed(self.root / "coverage.xml", cobertura(COVERAGE, ago(days=30))):
            yield

    @fault
    def k6_found(self, name: str, value: str) -> Iterator[None]:
        """One number of k6's test is another, in handleSummary's file and in the exported one."""
        numbers = {**_K6, name: float(value)}
        values = k6_values(**numbers)
        summary = k6_summary(values, seconds=numbers["seconds"], ramp=30)
        with (
            changed(self.root / "load/spike.json", summary),
            changed(self.root / "load/orders.json", k6_export(values)),
        ):
            yield

    @fault
    def k6_ramp(self, seconds: str) -> Iterator[None]:
        """The users came more slowly."""
        summary = k6_summary(k6_values(**_K6), seconds=_K6["seconds"], ramp=float(seconds))
        with changed(self.root / "load/spike.json", summary):
            yield

    @fault
    def locust_found(self, name: str, value: str) -> Iterator[None]:
        """One number of Locust's test is another."""
        with changed(self.root / "load/trading_stats.csv", locust_stats(**{**_LOCUST, name: int(value)}, rate=180.2)):
            yield

    @fault
    def locust_rate(self, rate: str) -> Iterator[None]:
        """Locust's users sent fewer requests a second."""
        with changed(self.root / "load/trading_stats.csv", locust_stats(**_LOCUST, rate=float(rate))):
            yield

    @fault
    def locust_course(self, name: str, value: str) -> Iterator[None]:
        """Fewer of Locust's users came, they came more slowly, or went too early."""
        history = locust_history(**{**_COURSE, name: int(value)}, ended=ago(hours=3))
        with changed(self.root / "load/trading_stats_history.csv", history):
            yield

    @fault
    def locust_old(self) -> Iterator[None]:
        """Locust's test is of last month; its files are fresh copies."""
        with changed(self.root / "load/trading_stats_history.csv", locust_history(**_COURSE, ended=ago(days=40))):
            yield

    @fault
    def wrk_found(self, name: str, value: str) -> Iterator[None]:
        """One number of wrk's test is another: of requests, users, refused or lost ones, or its length."""
        with changed(self.root / "load/orders.txt", wrk_text(**{**_WRK, name: int(value)}, p50=31.2, p99=94.0)):
            yield

    @fault
    def wrk_slow(self, p50: str, p99: str) -> Iterator[None]:
        """Wrk's requests took longer."""
        with changed(self.root / "load/orders.txt", wrk_text(**_WRK, p50=float(p50), p99=float(p99))):
            yield

    @fault
    def file_old(self, name: str, days: str) -> Iterator[None]:
        """A report that does not say when it was made was written some days ago."""
        with dated(self.root / name, ago(days=float(days))):
            yield

    @fault
    def found(self, tool: str, what: str) -> Iterator[None]:
        """A scanner found something, in its own words for how bad it is; "" is unrated."""
        says = {
            "secrets.sarif": lambda: scans.sarif("gitleaks", now(), [what or None]),
            **{f"{of}.sarif": lambda: scans.sarif("semgrep", now(), [what or None]) for of in ("code", "sql")},
            "penetration-test.sarif": lambda: scans.sarif("penetration-test", now(), [what or None]),
            "zap.json": lambda: scans.zap(now(), [what]),
            "trivy.json": lambda: scans.trivy(now(), [what]),
            "pip-audit.json": lambda: scans.pip_audit(what),
            "npm-audit.json": lambda: scans.npm_audit(what),
        }
        with changed(self.root / "scans" / tool, says[tool]()):
            yield

    @fault
    def misconfigured(self, severity: str) -> Iterator[None]:
        """Trivy found a misconfiguration."""
        with changed(self.root / "scans/trivy.json", scans.trivy(now(), misconfigured=[severity])):
            yield

    @fault
    def scan_old(self, tool: str) -> Iterator[None]:
        """A scan is of last month, by what its report says; the file is a fresh copy."""
        says = {
            "secrets.sarif": lambda: scans.sarif("gitleaks", ago(days=30)),
            "zap.json": lambda: scans.zap(ago(days=30)),
            "trivy.json": lambda: scans.trivy(ago(days=30)),
        }
        with changed(self.root / "scans" / tool, says[tool]()):
            yield

    @fault
    def says(self, name: str, old: str, new: str) -> Iterator[None]:
        """One text in a file is another, or is not there."""
        with replaced(self.root / name, old, new):
            yield

    @fault
    def secret_in(self, name: str) -> Iterator[None]:
        """A key stands in a file."""
        text = (self.root / name).read_text(encoding="utf-8")
        with changed(self.root / name, f"{text}\naccess: {'AKIA'}{'ABCDEFGHIJKLMNOP'}\n"):
            yield

    @fault
    def experiment(self, name: str, came_to: str) -> Iterator[None]:
        """An experiment `deviated`, was `aborted`, was `unsteady` before it, or nobody `looked` afterwards."""
        journals = {
            "deviated": lambda: scans.journal(CHAOS[name], now(), after=False),
            "aborted": lambda: scans.journal(CHAOS[name], now(), after=None, done=False),
            "unsteady": lambda: scans.journal(CHAOS[name], now(), before=False, after=None),
            "looked": lambda: scans.journal(CHAOS[name], now(), after=None),
            "old": lambda: scans.journal(CHAOS[name], ago(days=200)),
        }
        with changed(self.root / "chaos" / f"{name}.json", journals[came_to]()):
            yield

    @fault
    def experiment_missing(self, name: str) -> Iterator[None]:
        """An experiment left no journal."""
        with gone(self.root / "chaos" / f"{name}.json"):
            yield

    @fault
    def bill(self, *versions: str) -> Iterator[None]:
        """The bill of materials lists other components; "" is one without a version."""
        with changed(self.root / "sbom.json", scans.cyclone_dx(now(), [version or None for version in versions])):
            yield

    @fault
    def bill_old(self) -> Iterator[None]:
        """The bill of materials is of last month."""
        with changed(self.root / "sbom.json", scans.cyclone_dx(ago(days=30), ["1.0", "2.3", "0.9"])):
            yield
