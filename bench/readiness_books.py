"""Made-up checklists for bench.readiness: so many checks of one site, in sections as a real book has them."""

from pathlib import Path

from tasks.vocabulary import KINDS
from tminus.readiness.opened import Opened, open_readiness

SYSTEM = "made-up"
_A_SECTION = 40  # checks; the two shipped checklists have 397 lines in 80 sections
_CHECK = 'check: http.json, with: {{endpoint: {site}, path: {path}, pointer: /status}}, expect: {{word: "= ok"}}'


def write_environment(folder: Path, site: str, prefect: str) -> Path:
    """An environment file whose only system is the site."""
    path = folder / "environment.yaml"
    path.write_text(
        f"environment: bench\nkind: rehearsal\nledger: {{sqlite: {folder / 'ledger.db'}}}\n"
        f"prefect: {{api: '{prefect}'}}\nstate: {folder / 'state'}\n"
        f"endpoints:\n  site: {{url: '{site}'}}\n  stuck: {{url: '{site}'}}\n",
        "utf-8",
    )
    return path


def write_book(folder: Path, checks: int, path: str, hanging: int = 0) -> Path:
    """A system's folder whose lines ask the site for `path`, and so many more that ask for what never answers."""
    books = folder / SYSTEM
    books.mkdir(parents=True, exist_ok=True)
    lines = ["readiness: bench", f"system: {SYSTEM}", "title: Bench", "order: 1", "sections:"]
    if hanging:
        lines += _section("stuck", range(hanging), "/hang", "stuck", "timeout: 3s, ")
    for first in range(0, checks, _A_SECTION):
        lines += _section(f"part-{first // _A_SECTION}", range(first, min(first + _A_SECTION, checks)), path)
    (books / "bench.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    return books


def _section(name: str, numbers: range, path: str, site: str = "site", timeout: str = "") -> list[str]:
    head = [f"  - section: {name}", f"    title: {name}", "    owner: engineering_lead", "    lines:"]
    check = _CHECK.format(path=path, site=site)
    return [
        *head,
        *(f"      - {{ref: {SYSTEM}/bench/{name}/{n}, title: Line {n}, {timeout}{check}}}" for n in numbers),
    ]


def opened(books: Path, environment: Path) -> Opened:
    """The book, read."""
    return open_readiness(books, environment, None, None, KINDS)
