"""What a vulnerability scan came to, whichever tool made it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel

from tminus.errors import CouldNotObserve


class Severity(StrEnum):
    """How bad a finding is; `unrated` where the tool does not say."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNRATED = "unrated"

    @classmethod
    def of_score(cls, score: Decimal) -> "Severity":
        """A CVSS base score from 0 to 10, by the bands of CVSS v3.1, section 5.

        GitHub's code scanning reads `security-severity` by the same bands, but calls only what is over
        9.0 critical; here 9.0 itself is, as CVSS has it.
        """
        for least, severity in _BANDS:
            if score >= least:
                return severity
        return cls.LOW


_BANDS = ((Decimal(9), Severity.CRITICAL), (Decimal(7), Severity.HIGH), (Decimal(4), Severity.MEDIUM))


class Finding(BaseModel, frozen=True):
    """One known vulnerability: its id (a CVE, GHSA, PYSEC … or a scanner's rule), and how bad it is."""

    id: str
    severity: Severity


class Scan(BaseModel, frozen=True):
    """What one report says.

    Attributes:
        made_at: when the scan ended, where that is said.
        dated: whether it is: by the report itself or by the release. Else `made_at` is the file's own time.
        unaudited: dependencies that the tool left out; nothing is known of them.
        scanners: who made it, where its format is of many tools.
        classes: what kinds of things were looked at, where it says so.
    """

    findings: tuple[Finding, ...]
    made_at: datetime | None = None
    dated: bool = True
    unaudited: int = 0
    scanners: tuple[str, ...] = ()
    classes: frozenset[str] = frozenset()


class NothingScanned(CouldNotObserve):
    """The report is sound, and says that nothing was looked at."""
