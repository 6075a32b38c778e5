"""`tminus schema`: what editors need to complete and underline."""

import click

_KINDS = ("runbook", "readiness", "release", "people", "environment", "backups", "secrets", "drills")


@click.command("schema")
@click.argument("kind", type=click.Choice(_KINDS), default="runbook")
def command(kind: str) -> None:
    """Prints a file's JSON Schema, for editors.

    Save it, and name it in the file's first line for editors that speak yaml-language-server:

        # yaml-language-server: $schema=runbook.schema.json
    """
    import json

    from tminus.editor_schema import file_schema, runbook_schema
    from tminus.file_kinds import FILE_KINDS

    if kind in {"runbook", "readiness"}:
        from tasks.vocabulary import KINDS
        from tminus.readiness.schema import readiness_schema

        schema = runbook_schema(KINDS) if kind == "runbook" else readiness_schema(KINDS)
    elif kind == "secrets":
        from tasks.rotators.vocabulary import ROTATORS
        from tminus.rotations.book import book_of

        schema = file_schema(book_of(ROTATORS))
    elif kind == "drills":
        from tasks.scenarios.vocabulary import SCENARIOS
        from tminus.drills.book import book_of as book_of_drills

        schema = file_schema(book_of_drills(SCENARIOS))
    else:
        schema = file_schema(FILE_KINDS[kind])
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
