"""`tminus import` into a folder that holds something: what people wrote is not lost."""

import errno
from pathlib import Path

import pytest

from tests.cli.importing import CHECKLIST, tminus


def test_a_folder_with_files_is_left_alone(room: Path) -> None:
    """Nothing is written into it; with --force what an import wrote is replaced, and nothing else."""
    folder = room / "runbooks" / "web-shop"
    tminus("import", "checklist.md")
    before = {path.name: path.read_text() for path in folder.iterdir()}

    again = tminus("import", "checklist.md", "--owner", "cto")
    assert again.exit_code == 2
    assert "holds 3 files already, so nothing was written" in again.stderr
    assert {path.name: path.read_text() for path in folder.iterdir()} == before

    (folder / "notes.md").write_text("mine")
    (room / "checklist.md").write_text("# Web shop\n## Backups\n- [ ] a\n")
    forced = tminus("import", "checklist.md", "--system", "web-shop", "--force")
    assert forced.exit_code == 0, forced.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["01-backups.yaml", "notes.md"]


def test_what_no_import_wrote_is_not_replaced(room: Path) -> None:
    """Not even with --force, and then nothing is written or removed."""
    folder = room / "runbooks" / "web-shop"
    folder.mkdir(parents=True)
    (folder / "01-recovery.yaml").write_text("readiness: mine\n")
    (folder / "02-old.yaml").write_text("# Imported from old.md\n")

    result = tminus("import", "checklist.md", "--force")

    assert result.exit_code == 2
    assert "01-recovery.yaml was not written by an import, so it is not replaced" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["01-recovery.yaml", "02-old.yaml"]


@pytest.mark.parametrize("fails", ["write_text", "replace", "unlink", "iterdir"])
def test_a_write_that_fails_leaves_what_people_wrote(room: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """A full disk, or no permission, at any point: each old chapter is whole, or its new one is; it is said."""
    folder = room / "runbooks" / "web-shop"
    tminus("import", "checklist.md")
    for path in folder.iterdir():
        path.write_text(f"{path.read_text()}# what somebody added\n")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (room / "checklist.md").write_text(CHECKLIST.replace("## Contacts", "## Emergency contacts"))

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as full:
        full.setattr(Path, fails, refuse)
        result = tminus("import", "checklist.md", "--force")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be written: No space left on device; " in result.stderr
    assert ("nothing was replaced" in result.stderr) is (fails in {"write_text", "iterdir"})
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(before) <= set(after)
    if fails != "unlink":
        assert after == before

    again = tminus("import", "checklist.md", "--force")
    assert again.exit_code == 0, again.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "01-recovery.yaml",
        "02-sign-off.yaml",
        "03-emergency-contacts.yaml",
    ]


def test_nothing_is_replaced_by_what_would_not_be_read(room: Path) -> None:
    """A chapter of one's own that has the same refs: the mistake is said, and the earlier import stays."""
    folder = room / "runbooks" / "web-shop"
    tminus("import", "checklist.md", "--out", str(folder), "--system", "web-shop")
    mine = (folder / "03-contacts.yaml").read_text().partition("\n")[2]
    (folder / "09-mine.yaml").write_text(mine.replace("readiness: contacts", "readiness: mine"))
    before = {path.name: path.read_text() for path in folder.iterdir()}

    result = tminus("import", "checklist.md", "--force")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "09-mine.yaml" in result.stderr
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
