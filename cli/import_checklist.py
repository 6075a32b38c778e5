"""`tminus import`: somebody's Markdown checklist as readiness chapters."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tminus.importing.importer import Imported
    from tminus.readiness.book import Checklist
    from tminus.yaml_source import Source

_SHOWN = 100  # of what was not understood
_FILE = click.Path(path_type=Path)
_RUNBOOKS = Path("runbooks")


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--out", type=_FILE, help="The folder for the chapters. Default: runbooks/SYSTEM.")
@click.option("--system", default="", help="The first part of each ref. Default: from the title.")
@click.option(
    "--owner", default="engineering_lead", show_default=True, help="The role that states what nothing judges."
)
@click.option("--force", is_flag=True, help="Replaces what was imported there before, with what you changed in it.")
def command(file: Path, out: Path | None, system: str, owner: str, force: bool) -> None:
    """Turns a checklist in Markdown into readiness books.

    Each line of FILE that is understood gets a check. Prints what it asks, what contradicts itself, what is still to be
    filled in, and what it did not understand.
    """
    from tasks.vocabulary import KINDS
    from tminus.importing.importer import import_checklist

    _known_form(system, owner)
    name = file.name.encode("utf-8", "replace").decode()  # a file's name need not be text
    found = import_checklist(_bytes_of(file), name, KINDS, owner=owner, system=system)
    folder = out or _RUNBOOKS / found.system
    _tell(found, _replace(folder, found, force=force), folder, name, owner)


def _known_form(system: str, owner: str) -> None:
    import re

    from tminus.errors import UsageError

    if system and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", system):
        raise UsageError(f"--system {system!r}: write small letters, digits and hyphens, such as 'web-shop'")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", owner):
        raise UsageError(f"--owner {owner!r}: write a role of people.yaml, such as 'engineering_lead'")


def _bytes_of(file: Path) -> bytes:
    from tminus.errors import UsageError
    from tminus.importing.bounded import MOST_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"{file} cannot be read: {e.strerror}; give the path of a Markdown file") from e


def _in_the_way(folder: Path, *, force: bool) -> "list[Path]":
    """What stands in the folder; nothing may without --force."""
    from tminus.errors import UsageError

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder with --out")
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    if there and not force:
        raise UsageError(
            f"{folder} holds {len(there)} files already, so nothing was written; name another folder with --out, "
            "or replace an earlier import with --force"
        )
    return there


def _replaceable(there: "Sequence[Path]", found: "Imported") -> "list[Path]":
    """Of what stands there, what an import wrote: only that may be replaced."""
    from tminus.errors import UsageError
    from tminus.importing.yaml_text import MARK

    imported = [path for path in there if path.suffix == ".yaml" and path.is_file() and _begins(path, MARK)]
    for path in there:
        if path.name in found.files and path not in imported:
            raise UsageError(f"{path} was not written by an import, so it is not replaced; move it away")
    return imported


def _begins(path: Path, mark: str) -> bool:
    with path.open("rb") as opened:
        return opened.read(len(mark)) == mark.encode()


def _replace(folder: Path, found: "Imported", *, force: bool) -> "Checklist":
    """Writes the chapters apart and reads them back; only then does each take its place, and what is left over go."""
    from tempfile import TemporaryDirectory

    from tminus.errors import UsageError

    before = "nothing was replaced"
    try:
        there = _in_the_way(folder, force=force)
        imported = _replaceable(there, found)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".importing-", dir=folder) as apart:
            for name, text in found.files.items():
                (Path(apart) / name).write_text(text, "utf-8")
            checklist = _read_back(Path(apart), folder, found, [path for path in there if path not in imported])
            before = "some chapters are replaced already; import again with --force to replace the rest"
            for name in found.files:
                (Path(apart) / name).replace(folder / name)
            for path in imported:
                if path.name not in found.files:
                    path.unlink(missing_ok=True)
    except OSError as e:
        raise UsageError(
            f"{folder} cannot be written: {e.strerror}; {before}. Make room or get the permission, or name another "
            "folder with --out"
        ) from e
    return checklist


def _read_back(apart: Path, folder: Path, found: "Imported", stays: "Sequence[Path]") -> "Checklist":
    """The new chapters beside what stays there, as `tminus readiness` will read them; raises BookError."""
    from tasks.vocabulary import KINDS
    from tminus.readiness.source import build_checklist
    from tminus.runbook_source import build
    from tminus.yaml_document import parse
    from tminus.yaml_source import Source

    chapters = [Source(folder / name, parse((apart / name).read_text("utf-8"))) for name in found.files]
    others = [Source.read(path) for path in stays if path.suffix == ".yaml"]
    chapters += [source for source in others if _says("readiness", source)]
    books = [build(source, KINDS) for source in others if _says("runbook", source)]
    return build_checklist(chapters, books, KINDS)


def _says(key: str, source: "Source") -> bool:
    return isinstance(source.data, dict) and key in source.data


def _tell(found: "Imported", checklist: "Checklist", folder: Path, name: str, owner: str) -> None:
    from tminus.importing.telling import counts, noted, questions, roles
    from tminus.readiness.promises import contradictions

    click.echo(click.style(f"{found.system}: {sum(1 for _ in found.lines())} lines", bold=True) + f" from {name}\n")
    for number, said in counts(found):
        click.echo(f"  {number:>5}  {said}")
    _block("Questions", questions(found))
    _block(
        "Lines that contradict one another",
        [f"{one.why}\n    {', '.join(one.refs)}" for one in contradictions(checklist)],
    )
    _block("Still to be filled in", [f"{one.line.ref}  {one.line.title}" for one in found.lines() if one.placeholder])
    _block("Roles that people.yaml must have", roles(found, owner))
    _block("Not understood", noted(found))
    click.echo(f"\nWritten to {folder}: {len(found.files)} {'file' if len(found.files) == 1 else 'files'}.")
    called = folder.name or folder.resolve().name
    if called != found.system:
        click.echo(f"Commands call it {called!r}, by its folder; its refs begin with {found.system}/.")
    click.echo(f"What next: put your names where the files say `name yours`, then `{_next(folder)}`.")


def _next(folder: Path) -> str:
    """The command that reads what was written."""
    from shlex import join

    named = folder if folder.name not in {"", ".."} else folder.resolve()
    where = () if named.parent == _RUNBOOKS else ("--runbooks", str(named.parent))
    return join(("tminus", "coverage", named.name, *where))


def _block(title: str, said: "Sequence[str]") -> None:
    if not said:
        return
    click.echo("\n" + click.style(f"{title}: {len(said)}", bold=True))
    for one in said[:_SHOWN]:
        click.echo(f"  {one}")
    if len(said) > _SHOWN:
        click.echo(f"  and {len(said) - _SHOWN} more")
