"""Writes a launch's report into a folder: report.html, report.md, report.json."""

import os
from pathlib import Path

from tminus.clock import now
from tminus.errors import UsageError
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.report.drawing_up import draw_up
from tminus.report.rendering import checklist, page


def refuse_unwritable(out: Path) -> None:
    """Raises UsageError where a report could not be written to this folder; makes nothing."""
    try:
        out.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as e:
        raise UsageError(f"no report can be written to {out}: {e.strerror}; give another folder") from e
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise UsageError(f"no report can be written to {out}: {there} is no folder; give another one")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"no report can be written to {out}: {there} may not be written to; give another folder")


def write_report(book: Logbook, frozen: Frozen, out: Path) -> list[Path]:
    """Draws the report up from the ledger as it is now, and writes its three files.

    Raises:
        UsageError: where the chain holds no launch, or the folder cannot be written to.
    """
    report = draw_up(frozen, book.refresh(), now())
    texts = {
        "report.html": page(report),
        "report.md": checklist(report),
        "report.json": report.model_dump_json(indent=2) + "\n",
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as e:
        raise UsageError(f"the report cannot be written to {out}: {e.strerror}; give another folder with --out") from e
    return [out / name for name in texts]
