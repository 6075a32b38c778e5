"""Scan reports as the three tools write them, and as release.yaml names them."""

import hashlib
import json
from pathlib import Path

from pydantic import JsonValue

Json = dict[str, JsonValue]


def pip_audit(*ids: str, skipped: int = 0) -> Json:
    """A report of pip-audit with these findings in one package."""
    found: list[JsonValue] = [{"id": name, "fix_versions": ["2"], "aliases": [], "description": "…"} for name in ids]
    left_out: list[JsonValue] = [{"name": f"local-{n}", "skip_reason": "not on the index"} for n in range(skipped)]
    audited: list[JsonValue] = [
        {"name": "jinja2", "version": "1.0", "vulns": found},
        {"name": "click", "version": "8.1", "vulns": []},
    ]
    return {"dependencies": [*audited, *left_out], "fixes": []}


def npm_audit(*severities: str) -> Json:
    """A report of npm audit with a vulnerable package for each severity."""
    packages: Json = {
        f"package-{n}": {
            "name": f"package-{n}",
            "severity": severity,
            "isDirect": True,
            "via": [{"source": n, "url": f"https://github.com/advisories/GHSA-{n}", "severity": severity}, "other"],
            "effects": [],
            "range": "<2",
            "nodes": [],
            "fixAvailable": True,
        }
        for n, severity in enumerate(severities)
    }
    counts: Json = {level: severities.count(level) for level in ("info", "low", "moderate", "high", "critical")}
    return {
        "auditReportVersion": 2,
        "vulnerabilities": packages,
        "metadata": {
            "vulnerabilities": {**counts, "total": len(severities)},
            "dependencies": {"prod": 9, "dev": 0, "optional": 0, "peer": 0, "peerOptional": 0, "total": 9},
        },
    }


def sarif(*scores: str | None, ended: str = "", succeeded: bool = True, result: Json | None = None) -> Json:
    """A report with one rule and one result for each `security-severity`; `result` is added to each result."""
    rules: list[JsonValue] = [
        {"id": f"CVE-{n}", "properties": {} if score is None else {"security-severity": score}}
        for n, score in enumerate(scores)
    ]
    results: list[JsonValue] = [
        {"ruleId": f"CVE-{n}", "ruleIndex": n, "message": {"text": "…"}, **(result or {})} for n in range(len(scores))
    ]
    invocation: Json = {"executionSuccessful": succeeded, **({"endTimeUtc": ended} if ended else {})}
    driver: Json = {"name": "scanner", "rules": rules}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results, "invocations": [invocation]}],
    }


def written(folder: Path, tool: str, report: Json | bytes, name: str = "") -> dict[str, str]:
    """A report in a file, as release.yaml names it."""
    path = Path(f"{name or tool}.json")
    content = report if isinstance(report, bytes) else json.dumps(report).encode()
    (folder / path).write_bytes(content)
    return {"tool": tool, "path": str(path), "sha256": hashlib.sha256(content).hexdigest()}
