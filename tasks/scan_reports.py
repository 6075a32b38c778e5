"""Reading a scanner's report. Ids and severities are read; prose is not."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from tasks import scan_npm_audit, scan_pip_audit, scan_sarif, scan_trivy, scan_zap
from tasks.scan_findings import Scan
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.release import ScanReport

_READERS: Mapping[str, Callable[[bytes], Scan]] = {
    "pip-audit": scan_pip_audit.read,
    "npm-audit": scan_npm_audit.read,
    "sarif": scan_sarif.read,
    "trivy": scan_trivy.read,
    "zap": scan_zap.read,
}

_AHEAD = timedelta(minutes=5)  # how far another machine's clock may be ahead of ours


def read_report(report: ScanReport, base: Path) -> Scan:
    """What a report says, made when it or the release says, the older of both; the file's time counts where none does.

    Raises CouldNotObserve, naming the report: it is missing, malformed, of another content than the
    release says, made in the future, or it says itself that nothing was scanned.
    """
    path = base / report.path
    try:
        text, written = path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as e:
        raise CouldNotObserve(f"scan report {report.path} cannot be read: {e.strerror}; make it again") from e
    found = hashlib.sha256(text).hexdigest()
    if report.sha256 not in {None, found}:
        raise CouldNotObserve(
            f"scan report {report.path} is not the one that the release names: its SHA-256 is {found[:12]}…, "
            f"and the release says {str(report.sha256)[:12]}…"
        )
    scan = read_scan(report.tool, text, str(report.path))
    said = [at for at in (scan.made_at, report.made_at) if at is not None]
    if said and (latest := max(said)) > now() + _AHEAD:
        when = f"{latest.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        raise CouldNotObserve(f"scan report {report.path} is said to be of {when}, a time to come")
    return scan.model_copy(update={"made_at": min(said, default=written), "dated": bool(said)})


def read_scan(tool: str, text: bytes, name: str) -> Scan:
    """What a tool's report says.

    Raises CouldNotObserve, naming the report, where it is none, or says itself that nothing was scanned.
    """
    try:
        return _READERS[tool](text)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise CouldNotObserve(f"scan report {name} is no {tool} report: {where}: {first['msg']}") from e
    except CouldNotObserve as e:
        raise CouldNotObserve(f"scan report {name}: {e}") from e
