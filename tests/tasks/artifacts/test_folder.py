"""Files of strangers: found inside the folder only, and read within bounds."""

import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from tasks import artifact_files
from tasks.artifact_files import LARGEST, Folder, Inside
from tests.tasks.artifacts.looking import put
from tminus.errors import CouldNotObserve


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secrets.xml", "a/../../b", "..", "", "~/x", "a\\..\\b", "a\0b", "a/**b", "//x"]
)
def test_a_path_that_could_lead_out_is_refused_when_the_book_is_read(path: str) -> None:
    """Absolute, with `..`, from home, with a backslash, or as no pattern can be."""
    with pytest.raises(ValidationError):
        TypeAdapter(Inside).validate_python(path)


@pytest.mark.parametrize("path", ["a.xml", "tests/*.xml", "**/*.json", "a b/ü.xml", "..a/b", "a..b"])
def test_a_path_inside_is_taken(path: str) -> None:
    """Patterns, blanks, letters of any alphabet, and two dots that are part of a name."""
    assert TypeAdapter(Inside).validate_python(path) == path


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    """Neither one to a file nor one to a folder, by name or by pattern; one that stays inside is."""
    outside, root = tmp_path / "outside", tmp_path / "inside"
    put(outside, "secret.xml", "secret")
    put(root, "real.xml", "real")
    (root / "file.xml").symlink_to(outside / "secret.xml")
    (root / "folder").symlink_to(outside)
    (root / "round").symlink_to(root / "round")
    (root / "near.xml").symlink_to("real.xml")
    folder = Folder(root, "artifacts")

    assert folder.read("near.xml").content == b"real"
    for name in ("file.xml", "folder/secret.xml", "round"):
        with pytest.raises(CouldNotObserve, match=r"leads (out|nowhere)"):
            folder.read(name)
    with pytest.raises(CouldNotObserve, match="leads out"):
        list(folder.matching("*/secret.xml"))
    assert [file.name for file in folder.matching("re*.xml")] == ["real.xml"]


def test_a_file_that_is_too_large_is_refused_without_reading_it(tmp_path: Path) -> None:
    """By its size, before anything of it is in memory."""
    with put(tmp_path, "a.xml", "").open("wb") as file:
        file.truncate(LARGEST + 1)

    with pytest.raises(CouldNotObserve, match="over 67108864 none is read"):
        Folder(tmp_path, "artifacts").read("a.xml")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """A named pipe that nobody writes to would be waited for, and a folder is no report."""
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "folder.xml").mkdir()

    for name in ("pipe.xml", "folder.xml"):
        with pytest.raises(CouldNotObserve):
            Folder(tmp_path, "artifacts").read(name)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """The folder, the file, and any file of a pattern: each in a sentence of its own."""
    with pytest.raises(CouldNotObserve, match="the folder of the artifacts is not there"):
        Folder(tmp_path / "none", "artifacts").read("a.xml")
    with pytest.raises(CouldNotObserve, match=r"artifacts has no a\.xml"):
        Folder(tmp_path, "artifacts").read("a.xml")
    with pytest.raises(CouldNotObserve, match=r"artifacts has no \*\.xml"):
        list(Folder(tmp_path, "artifacts").matching("*.xml"))
    assert Folder(tmp_path, "artifacts").find("a.xml") is None


def test_a_pattern_that_names_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody means that many reports."""
    monkeypatch.setattr(artifact_files, "_MOST", 3)
    for number in range(5):
        put(tmp_path, f"{number}.xml", "")

    with pytest.raises(CouldNotObserve, match="names more than 3 files"):
        list(Folder(tmp_path, "artifacts").matching("*.xml"))


def test_a_name_is_shown_without_what_a_terminal_acts_upon() -> None:
    """Escapes, line ends and marks that turn text around are replaced, and a long name is cut."""
    assert artifact_files.shown("a\x1b[31m\n\u202eb") == "a?[31m??b"
    assert len(artifact_files.shown("x" * 1000)) == 121
