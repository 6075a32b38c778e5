"""Reading a scan report of a release. Ids and severities are read; prose is not."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from tasks import scan_npm_audit, scan_pip_audit, scan_sarif
from tasks.scan_findings import Scan
from tminus.errors import CouldNotObserve
from tminus.release import ScanReport

_READERS: Mapping[str, Callable[[bytes], Scan]] = {
    "pip-audit": scan_pip_audit.read,
    "npm-audit": scan_npm_audit.read,
    "sarif": scan_sarif.read,
}


def read_report(report: ScanReport, base: Path) -> Scan:
    """What a report says, made at the time that it says or that the file was written, whichever is older.

    Raises CouldNotObserve, naming the report: it is missing, malformed, of another content than the
    release says, or it says itself that nothing was scanned.
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
    try:
        scan = _READERS[report.tool](text)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise CouldNotObserve(f"scan report {report.path} is no {report.tool} report: {where}: {first['msg']}") from e
    except CouldNotObserve as e:
        raise CouldNotObserve(f"scan report {report.path}: {e}") from e
    return scan.model_copy(update={"made_at": min(scan.made_at or written, written)})
