"""`tminus kinds`: what a runbook can name, from the code itself."""

from difflib import get_close_matches

import click

from tminus.errors import UsageError


@click.command("kinds")
@click.argument("kind", required=False)
def command(kind: str | None) -> None:
    """Prints what checks, actions and watches there are.

    As Markdown: of all of them the page docs/checks.md, of one KIND its parameters and what it measures.
    """
    from tasks.vocabulary import KINDS
    from tminus.vocabulary_page import entry, page

    if kind is None:
        click.echo(page(KINDS), nl=False)
    elif kind in KINDS:
        click.echo(entry(kind, KINDS[kind]))
    else:
        close = get_close_matches(kind, KINDS, n=1)
        raise UsageError(
            f"no kind is called {kind!r}; "
            + (f"did you mean {close[0]!r}?" if close else "see all with `tminus kinds`")
        )
