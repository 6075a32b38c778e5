"""The scan reports of what is launched, as three tools write them, and a release that names them."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue

from bench.worlds.file_changes import changed, dated, gone, replaced
from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.papers.scans import sarif
from tminus.clock import now

_PIP, _NPM, _SARIF = "pip-audit", "npm-audit", "sarif"
_SCORES = {"critical": "9.8", "high": "7.5", "medium": "5.3", "unrated": None}
_NPM_LEVELS = ("info", "low", "moderate", "high", "critical")
_KIND = "artifact.vulnerabilities"


class LaunchReports(World):
    """The files themselves, and the release that names each by its digest and says when it was made."""

    system: ClassVar[str] = "launch_reports"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            _KIND,
            expect={"reports": ">= 3", "critical": "= 0", "high": "= 0", "unaudited": "= 0", "age": "< 24 h"},
            broken_by=(
                ("finds", _SARIF, "critical"),
                ("finds", _NPM, "critical"),
                ("finds", _SARIF, "high"),
                ("finds", _NPM, "high"),
                ("finds", _SARIF, "unrated"),
                ("finds", _PIP, "unrated"),
                "left_out",
                ("made", _PIP, "30"),
                ("made", _NPM, "30"),
                "says_itself_that_it_is_old",
                "old_and_undated",
                ("not_named", _SARIF),
            ),
            blinded_by=(
                ("not_the_one_named", _PIP),
                ("not_the_one_named", _SARIF),
                ("missing", _NPM),
                ("torn", _PIP),
                ("torn", _NPM),
                ("torn", _SARIF),
                ("made", _PIP, "-1"),
                ("scanned_nothing", _PIP),
                ("scanned_nothing", _NPM),
                ("scanned_nothing", _SARIF),
                "did_not_succeed",
                "counts_differ",
                "nothing_named",
            ),
        ),
        Case(_KIND, expect={"medium": "<= 1"}, broken_by=(("finds", _SARIF, "medium"), ("finds", _NPM, "moderate"))),
        Case(_KIND, expect={"unrated": "= 0"}, broken_by=(("finds", _PIP, "unrated"), ("finds", _SARIF, "unrated"))),
    )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Files need nobody to run."""
        self._folder.mkdir(parents=True)
        self._scans: dict[str, dict[str, JsonValue]] = {}
        self._write(_PIP, _pip_audit())
        self._write(_NPM, _npm_audit(["low"]))
        self._write(_SARIF, sarif("codeql", now() - timedelta(hours=2), ["3.9", "5.0"]))
        yield

    def sections(self) -> Sections:
        """None: the release says where the reports are."""
        return {}

    def release(self) -> Sections:
        """Each report by path, digest and time."""
        return {"scans": [dict(scan) for scan in self._scans.values()]}

    def silent_release(self) -> Sections:
        """The same reports, in a folder that is not there."""
        return {
            "scans": [{**scan, "path": f"{self._folder}-that-is-not-there/{tool}.json"} for tool, scan in self._all]
        }

    @fault
    def finds(self, tool: str, severity: str) -> Iterator[None]:
        """A tool found one more vulnerability, of some severity."""
        with self._reporting(tool, self._with_finding(tool, severity)):
            yield

    @fault
    def left_out(self) -> Iterator[None]:
        """A dependency was not audited."""
        with self._reporting(_PIP, _pip_audit(skipped=1)):
            yield

    @fault
    def made(self, tool: str, hours: str) -> Iterator[None]:
        """A report was made so many hours ago, or, less than none, in a time to come; the file itself is fresh."""
        with self._named(tool, made_at=(now() - timedelta(hours=float(hours))).isoformat()):
            yield

    @fault
    def says_itself_that_it_is_old(self) -> Iterator[None]:
        """The release says that the scan is of today, and the report says that it is of last week."""
        with self._reporting(_SARIF, sarif("codeql", now() - timedelta(days=7))):
            yield

    @fault
    def old_and_undated(self) -> Iterator[None]:
        """Neither the release nor the report says when it was made, and the file lies there for two days."""
        with self._named(_PIP, made_at=None), dated(self._path(_PIP), now() - timedelta(days=2)):
            yield

    @fault
    def not_named(self, tool: str) -> Iterator[None]:
        """The release forgets one of the reports."""
        before = dict(self._scans)
        del self._scans[tool]
        yield
        self._scans = before

    @fault
    def not_the_one_named(self, tool: str) -> Iterator[None]:
        """A report was changed after the release named it: its digest does not match."""
        with replaced(self._path(tool), "{", "{ "):
            yield

    @fault
    def missing(self, tool: str) -> Iterator[None]:
        """A report that the release names is not there."""
        with gone(self._path(tool)):
            yield

    @fault
    def torn(self, tool: str) -> Iterator[None]:
        """The tool was ended while it wrote, and the release names half a report."""
        text = self._path(tool).read_text("utf-8")
        with self._reporting(tool, text[: len(text) // 2]):
            yield

    @fault
    def scanned_nothing(self, tool: str) -> Iterator[None]:
        """A tool ended well, and had looked at nothing."""
        nothing = {
            _PIP: _pip_audit(audited=False, skipped=3),
            _NPM: _npm_audit([], dependencies=0),
            _SARIF: json.dumps({"version": "2.1.0", "runs": []}),
        }
        with self._reporting(tool, nothing[tool]):
            yield

    @fault
    def did_not_succeed(self) -> Iterator[None]:
        """A tool says that its run failed, and reports no finding."""
        text = self._path(_SARIF).read_text("utf-8")
        with self._reporting(_SARIF, text.replace('"executionSuccessful": true', '"executionSuccessful": false')):
            yield

    @fault
    def counts_differ(self) -> Iterator[None]:
        """Somebody took a finding out of a report, and not out of its totals."""
        text = self._path(_NPM).read_text("utf-8")
        with self._reporting(_NPM, text.replace('"total": 1', '"total": 2')):
            yield

    @fault
    def nothing_named(self) -> Iterator[None]:
        """The release names no report."""
        before, self._scans = self._scans, {}
        yield
        self._scans = before

    @property
    def _folder(self) -> Path:
        return self.folder / "reports"

    @property
    def _all(self) -> Sequence[tuple[str, dict[str, JsonValue]]]:
        return [*self._scans.items()]

    def _path(self, tool: str) -> Path:
        return self._folder / f"{tool}.json"

    def _write(self, tool: str, text: str) -> None:
        self._path(tool).write_text(text, "utf-8")
        os.utime(self._path(tool))
        self._scans[tool] = {
            "tool": tool,
            "path": str(self._path(tool)),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "made_at": (now() - timedelta(hours=2)).isoformat(),
        }

    @contextmanager
    def _reporting(self, tool: str, text: str) -> Iterator[None]:
        """The block in which a tool reported something else, and the release names that report."""
        with changed(self._path(tool), text), self._named(tool, sha256=hashlib.sha256(text.encode()).hexdigest()):
            yield

    @contextmanager
    def _named(self, tool: str, **fields: str | None) -> Iterator[None]:
        """The block in which the release says something else of a report."""
        before = self._scans[tool]
        self._scans[tool] = {**before, **fields}
        yield
        self._scans[tool] = before

    def _with_finding(self, tool: str, severity: str) -> str:
        if tool == _PIP:
            return _pip_audit("PYSEC-2026-1")
        if tool == _NPM:
            return _npm_audit(["low", severity])
        return sarif("codeql", now() - timedelta(hours=2), ["3.9", "5.0", _SCORES[severity]])


def _pip_audit(*ids: str, audited: bool = True, skipped: int = 0) -> str:
    """What `pip-audit --format json` writes, with these findings in one package."""
    found: list[JsonValue] = [{"id": one, "fix_versions": ["2"], "aliases": [], "description": "…"} for one in ids]
    seen: list[JsonValue] = [
        {"name": "jinja2", "version": "3.1.6", "vulns": found},
        {"name": "click", "version": "8.1.8", "vulns": []},
    ]
    left: list[JsonValue] = [{"name": f"local-{n}", "skip_reason": "not on the index"} for n in range(skipped)]
    return json.dumps({"dependencies": [*(seen if audited else []), *left], "fixes": []})


def _npm_audit(severities: Sequence[str], *, dependencies: int = 412) -> str:
    """What `npm audit --json` writes, with a vulnerable package for each severity."""
    packages: dict[str, JsonValue] = {
        f"package-{n}": {
            "name": f"package-{n}",
            "severity": severity,
            "isDirect": True,
            "via": [{"source": n, "url": f"https://github.com/advisories/GHSA-{n}", "severity": severity}],
            "effects": [],
            "range": "<2",
            "nodes": [],
            "fixAvailable": True,
        }
        for n, severity in enumerate(severities)
    }
    counts = {level: severities.count(level) for level in _NPM_LEVELS}
    metadata: dict[str, JsonValue] = {
        "vulnerabilities": {**counts, "total": len(severities)},
        "dependencies": {"prod": dependencies, "dev": 0, "optional": 0, "total": dependencies},
    }
    return json.dumps({"auditReportVersion": 2, "vulnerabilities": packages, "metadata": metadata})
