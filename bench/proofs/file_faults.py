"""What breaks a report, a file of evidence or a page, as many lines need it."""

from collections.abc import Iterable

from bench.proofs.proof import Fault

ENDS = ("failure", "skipped", "gone")


def ending(report: str, *names: str, ends: Iterable[str] = ENDS) -> tuple[Fault, ...]:
    """Each of these tests of a report ends so: it fails, is skipped, or is gone."""
    return tuple(("artifacts", "test_is", f"tests/{report}.xml", f"test_{name}", end) for name in names for end in ends)


def ran(report: str, hours: int) -> Fault:
    """The tests of a report ran so many hours ago."""
    return ("artifacts", "tests_ran", f"tests/{report}.xml", str(hours))


def value(file: str, pointer: str, becomes: str) -> Fault:
    """A value of a JSON file is another, itself given as JSON."""
    return ("artifacts", "value_is", file, pointer, becomes)


def finished(file: str, days: int) -> Fault:
    """What a file of evidence is about ended so many days and an hour ago."""
    return ("artifacts", "time_is", file, "/finished_at", str(days * 24 + 1))


def page(name: str, *sections: str, days: int = 90, short: bool = True) -> tuple[Fault, ...]:
    """A page is gone or short, has a blank, or is a day older than it may be; or one of its sections is gone."""
    return (
        ("documents", "page_missing", name),
        *(("documents", "section_missing", name, section) for section in sections),
        ("documents", "out_of_date", name, str(days + 1)),
        ("documents", "blank", name, "[Name]"),
        *([("documents", "shortened", name)] if short else []),
    )


def found(tool: str, *severities: str) -> tuple[Fault, ...]:
    """A scanner found something so bad, in its own words."""
    return tuple(("artifacts", "found", tool, severity) for severity in severities)


def scanned(hours: int) -> tuple[Fault, ...]:
    """Each of the scans is so old."""
    said = {
        "zap.json": "/created",
        "trivy.json": "/CreatedAt",
        "code.sarif": "/runs/0/invocations/0/endTimeUtc",
        "secrets.sarif": "/runs/0/invocations/0/endTimeUtc",
    }
    by_file = ("npm-audit.json", "pip-audit.json")
    return (
        *(("artifacts", "time_is", f"scans/{name}", where, str(hours)) for name, where in said.items()),
        *(("artifacts", "file_old", f"scans/{name}", f"{hours / 24:.3f}") for name in by_file),
    )
