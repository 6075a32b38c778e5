"""`tminus launch --dry-run`: the countdown on paper."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tminus.launching import Documents

_INDENT = "      "


def rehearse_on_paper(documents: "Documents", t0: str) -> int:
    """Runs the read-only checks, and prints each action's exact command or difference.

    Returns how many blocking steps would stop it now, before its first change.
    """
    import asyncio

    from tminus.clock import now
    from tminus.environment import Environment
    from tminus.plan import parse_t0
    from tminus.spoken import counted

    moment = now()
    clock = documents.environment.load(Environment).clock
    frozen = documents.frozen("dry-run", parse_t0(t0, clock, moment), "nobody", "dry run")

    async def walk() -> list[str]:
        from flows.dry_run import blocks, dry_run

        blocking = []
        async for step, verdict, said in dry_run(frozen):
            if blocks(step, verdict):
                blocking.append(step.id)
            click.echo(f"{verdict or '-':8} {step.id}: {step.title}")
            click.echo("\n".join(f"{_INDENT}{line}" for line in said.splitlines()))
        return blocking

    blocking = asyncio.run(walk())
    stop = f"{counted(len(blocking), 'blocking step')} would stop it now, before it changes anything"
    click.echo(f"{stop}: {', '.join(blocking)}." if blocking else "Nothing would stop it now.")
    return len(blocking)
