"""`tminus coverage`: by what each line of the checklists is judged."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tminus.readiness.coverage import Covered


@click.command("coverage")
@click.argument("systems", nargs=-1)
@click.option("--runbooks", type=click.Path(path_type=Path), default=Path("runbooks"), help="A folder a system.")
@click.option("--json", "as_json", is_flag=True, help="A list of {ref, title, bound, check}.")
def command(systems: tuple[str, ...], runbooks: Path, as_json: bool) -> None:
    """Prints every line with what judges it.

    A system or a parsed artifact, a document, or a person's word. Of SYSTEMS, or of all that have readiness books.
    Looks at no system.
    """
    import json

    from tasks.vocabulary import KINDS
    from tminus.errors import UsageError
    from tminus.readiness.coverage import coverage
    from tminus.readiness.source import books_beside

    folders = [runbooks / name for name in systems] or sorted({path.parent for path in runbooks.glob("*/*.yaml")})
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}{books_beside(folder)}")
    covered = coverage(folders, KINDS)
    if as_json:
        wanted = {"ref", "title", "bound", "check"}
        click.echo(json.dumps([line.model_dump(mode="json", include=wanted) for line in covered], indent=2))
        return
    for line in covered:
        click.echo(f"{line.bound:9} {line.ref}  {line.check}")
    _shares(covered)


def _shares(covered: "list[Covered]") -> None:
    from tminus.readiness.book import Holds
    from tminus.readiness.coverage import shares

    click.echo("")
    for title, holds in (("all lines", None), ("boxes", Holds.BOXES)):
        said = ", ".join(
            f"{number} {bound} ({number / of:.0%})" for bound, (number, of) in shares(covered, holds).items() if of
        )
        click.echo(f"{title}: {sum(number for number, _ in shares(covered, holds).values())}: {said}")
