"""What scanners, chaos experiments and a bill of materials say of a healthy system."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

Json = dict[str, JsonValue]


def sarif(tool: str, made: datetime, scores: Sequence[str | None] = ()) -> str:
    """A SARIF log of one run, with a result for each `security-severity`."""
    rules: list[JsonValue] = [
        {"id": f"{tool}-{n}", "properties": {} if score is None else {"security-severity": score}}
        for n, score in enumerate(scores)
    ]
    results: list[JsonValue] = [
        {"ruleId": f"{tool}-{n}", "ruleIndex": n, "level": "error", "message": {"text": "…"}}
        for n in range(len(scores))
    ]
    run: Json = {
        "tool": {"driver": {"name": tool, "rules": rules}},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": made.isoformat()}],
        "results": results,
    }
    return json.dumps({"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [run]})


def zap(made: datetime, risks: Sequence[str] = ("0",), *, false_positives: Sequence[str] = ()) -> str:
    """ZAP's traditional JSON, with an alert for each risk code."""
    alerts: list[JsonValue] = [
        {
            "pluginid": str(10000 + n),
            "alertRef": str(10000 + n),
            "alert": f"Alert {n}",
            "name": f"Alert {n}",
            "riskcode": risk,
            "confidence": sure,
            "riskdesc": "…",
            "desc": "<p>…</p>",
            "count": "1",
            "instances": [{"uri": "https://staging.vatic.example/", "method": "GET", "param": "", "evidence": ""}],
        }
        for n, (risk, sure) in enumerate([*((risk, "2") for risk in risks), *((risk, "0") for risk in false_positives)])
    ]
    site: Json = {"@name": "https://staging.vatic.example", "@host": "staging.vatic.example", "@port": "443"}
    return json.dumps(
        {
            "@programName": "ZAP",
            "@version": "2.17.0",
            "@generated": f"{made:%a, %d %b %Y %H:%M:%S}",
            "created": made.isoformat(),
            "insights": [],
            "site": [{**site, "@ssl": "true", "alerts": alerts}],
        }
    )


def trivy(made: datetime, severities: Sequence[str] = (), *, misconfigured: Sequence[str] = ()) -> str:
    """`trivy image --format json`, with a vulnerability and a misconfiguration for each severity."""
    found: list[JsonValue] = [
        {"VulnerabilityID": f"CVE-2026-{n}", "PkgName": "openssl", "InstalledVersion": "3.0.1", "Severity": severity}
        for n, severity in enumerate(severities)
    ]
    wrong: list[JsonValue] = [
        {"Type": "Dockerfile Security Check", "ID": f"DS{n:03}", "Severity": severity, "Status": "FAIL"}
        for n, severity in enumerate(misconfigured)
    ]
    passed: Json = {"Type": "Dockerfile Security Check", "ID": "DS999", "Severity": "HIGH", "Status": "PASS"}
    return json.dumps(
        {
            "SchemaVersion": 2,
            "CreatedAt": made.isoformat(),
            "ArtifactName": "vatic/orders:2.0.0",
            "ArtifactType": "container_image",
            "Results": [
                {"Target": "vatic/orders:2.0.0 (debian 12.8)", "Class": "os-pkgs", "Vulnerabilities": found},
                {"Target": "Dockerfile", "Class": "config", "Misconfigurations": [*wrong, passed]},
            ],
        }
    )


def pip_audit(*ids: str) -> str:
    """`pip-audit --format json`, with these findings in one package."""
    found: list[JsonValue] = [{"id": name, "fix_versions": ["2"], "aliases": [], "description": "…"} for name in ids]
    audited: list[JsonValue] = [
        {"name": "jinja2", "version": "3.1.6", "vulns": found},
        {"name": "httpx", "version": "0.28.1", "vulns": []},
    ]
    return json.dumps({"dependencies": audited, "fixes": []})


def npm_audit(*severities: str) -> str:
    """`npm audit --json`, with a vulnerable package for each severity."""
    packages: Json = {
        f"package-{n}": {
            "name": f"package-{n}",
            "severity": severity,
            "isDirect": True,
            "effects": [],
            "range": "<2",
            "nodes": [],
            "fixAvailable": True,
            "via": [{"source": n, "url": f"https://example.com/GHSA-{n}"}],
        }
        for n, severity in enumerate(severities)
    }
    counts: Json = {level: severities.count(level) for level in ("info", "low", "moderate", "high", "critical")}
    found: Json = {**counts, "total": len(severities)}
    return json.dumps(
        {
            "auditReportVersion": 2,
            "vulnerabilities": packages,
            "metadata": {"vulnerabilities": found, "dependencies": {"prod": 212, "dev": 48, "total": 260}},
        }
    )


def journal(title: str, ended: datetime, *, before: bool = True, after: bool | None = True, done: bool = True) -> str:
    """The journal of `chaos run`; where the steady state is not met before, nothing is done and nothing deviates."""
    status = "succeeded" if done else "failed"
    ran: list[JsonValue] = [{"activity": {"type": "action", "name": "break"}, "status": status}]
    return json.dumps(
        {
            "chaoslib-version": "1.44.0",
            "platform": "Linux",
            "node": "runner",
            "experiment": {"version": "1.0.0", "title": title, "method": [], "rollbacks": []},
            "start": ended.isoformat(),
            "end": ended.isoformat(),
            "duration": 61.2,
            "status": "completed" if done else "aborted",
            "deviated": after is False,
            "steady_states": {
                "before": {"steady_state_met": before, "probes": []},
                "after": None if after is None else {"steady_state_met": after, "probes": []},
                "during": [],
            },
            "run": ran if before else [],
            "rollbacks": [],
        }
    )


def cyclone_dx(made: datetime, versions: Sequence[str | None]) -> str:
    """A CycloneDX bill of materials, with a component for each version."""
    parts: list[JsonValue] = [
        {"type": "library", "name": f"part-{n}", **({"version": version} if version else {})}
        for n, version in enumerate(versions)
    ]
    said: Json = {"timestamp": made.isoformat(), "component": {"type": "application", "name": "orders"}}
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": said, "components": parts}
    )
