"""`tminus operate rotate`: what it will need, said, and refused until it has it."""

import click

from tminus.errors import Refused

# Whatever is given: the answer is the same, and is no complaint about an option.
_ANYTHING = {"ignore_unknown_options": True}
_given = click.argument("given", nargs=-1, type=click.UNPROCESSED, metavar="")


@click.command("rotate", context_settings=_ANYTHING)
@_given
def rotate(given: tuple[str, ...]) -> None:
    """Rotates secrets. Not in this release: it refuses with exit code 3, and changes nothing.

    It will need an adapter to each secret's store that can hold two versions at once, a check that every service has
    taken up the new one before the old one ends, a signed approval, and the environment's lock while it runs.
    docs/operations.md has the way by hand.
    """
    del given
    raise Refused(
        "`tminus operate rotate` is not in this release, and nothing was changed: it will need a secret store that "
        "holds two versions at once, a check that every service took up the new one, and a signed approval; "
        "docs/operations.md has the way by hand"
    )
