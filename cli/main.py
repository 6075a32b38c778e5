"""The command line: `tminus COMMAND`. One module a command, imported when it is called for."""

from difflib import get_close_matches
from importlib import import_module

import click

from tminus.errors import BookError, Refused, TminusError, UsageError

# Command → the module whose `command` it is, or MODULE:NAME. Such a module imports nothing heavy at its top (no
# pydantic, no Prefect, no tminus beyond errors): `--help` reads each promise's first line, and is to answer at once.
COMMANDS = {
    "approve": "cli.answers:approve",
    "reject": "cli.answers:reject",
    "acknowledge": "cli.answers:acknowledge",
    "attest": "cli.answers:attest",
    "done": "cli.answers:done",
    "hold": "cli.orders:hold",
    "resume": "cli.orders:resume",
    "recycle": "cli.orders:recycle",
    "scrub": "cli.orders:scrub",
    "rollback": "cli.orders:rollback",
    "retry": "cli.orders:retry",
    "waive": "cli.orders:waive",
    "launch": "cli.launch",
    "sign-off": "cli.sign_off",
    "gateway": "cli.gateway",
    "ledger": "cli.ledger",
    "outbox": "cli.outbox",
    "pending": "cli.pending",
    "rehearse": "cli.rehearse",
    "rehearse-readiness": "cli.rehearse_readiness",
    "report": "cli.report",
    "status": "cli.status",
    "kinds": "cli.kinds",
    "plan": "cli.plan",
    "schema": "cli.schema",
    "validate": "cli.validate",
    "readiness": "cli.readiness",
    "contacts": "cli.contacts",
    "doctor": "cli.doctor",
    "coverage": "cli.coverage",
    "next": "cli.next",
    "line": "cli.line",
    "import": "cli.import_checklist",
    "operate": "cli.operate",
    "reviews": "cli.reviews",
    "backup": "cli.take_backup",
    "backups": "cli.backups",
    "archive-wal": "cli.archive_wal",
    "mark": "cli.mark",
    "verify-backup": "cli.verify_backup",
    "restore": "cli.restore",
    "drill": "cli.drill",
    "drills": "cli.drill_list",
    "rotate": "cli.rotate",
    "calendar": "cli.allowed_times",
    "secrets": "cli.secret_list",
}


def exit_code(error: TminusError) -> int:
    """What the shell is told: 2 for a usage error, 3 for a refusal, 1 for anything else."""
    if isinstance(error, UsageError):
        return 2
    return 3 if isinstance(error, Refused) else 1


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, by name."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command so named, or None."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name or "command")
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]}.command is no click command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; fails with the nearest name where there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            meant = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(sorted(COMMANDS))}."
            ctx.fail(f"No such command {args[0]!r}. {meant}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; an error of ours becomes one clear message on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except TminusError as e:
            from tminus.foreign_text import printable

            # Editors and terminals turn `file:line:` into a link where it begins the line.
            click.echo(printable(str(e) if isinstance(e, BookError) else f"tminus: {e}"), err=True)
            ctx.exit(exit_code(e))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tminus")
def main() -> None:
    """Launch-day checklists that run: countdown, go/no-go, deploy, watch, roll back, record."""


if __name__ == "__main__":
    main()
