"""`tminus schema`: what editors need to complete and underline."""

import click

_KINDS = ("runbook", "release", "people", "environment")


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

    if kind == "runbook":
        from tasks.vocabulary import KINDS

        schema = runbook_schema(KINDS)
    else:
        schema = file_schema(FILE_KINDS[kind])
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
