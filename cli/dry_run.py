"""`tminus launch --dry-run`: the countdown on paper."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tminus.launching import Documents

_INDENT = "      "


def rehearse_on_paper(documents: "Documents", t0: str) -> int:
    """Runs the read-only checks, and prints each action's exact command or difference.

    Returns how many blocking steps would stop it now.
    """
    import asyncio

    from tminus.clock import now
    from tminus.environment import Environment
    from tminus.plan import parse_t0

    moment = now()
    clock = documents.environment.load(Environment).clock
    frozen = documents.frozen("dry-run", parse_t0(t0, clock, moment), "nobody", "dry run")

    async def walk() -> int:
        from flows.dry_run import blocks, dry_run

        blocking = 0
        async for step, verdict, said in dry_run(frozen):
            blocking += blocks(step, verdict)
            click.echo(f"{verdict or '-':8} {step.id}: {step.title}")
            click.echo("\n".join(f"{_INDENT}{line}" for line in said.splitlines()))
        return blocking

    blocking = asyncio.run(walk())
    click.echo(f"{blocking} blocking steps would stop it now." if blocking else "Nothing would stop it now.")
    return blocking
