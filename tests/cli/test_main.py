"""The command line as a whole: quick help, one clear message an error, exit codes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, LazyGroup, exit_code, main
from tminus.errors import ActionFailed, BookError, MissingSecret, Mistake, Refused, TminusError, UsageError

ROOT = Path(__file__).parents[2]
HEAVY = ("prefect", "pydantic", "httpx", "pint", "ruamel.yaml", "boto3", "tasks", "flows")


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers at once, since neither it nor any command's module imports a heavy library."""
    listing = "import sys; from click.testing import CliRunner; from cli.main import main; "
    run = "r = CliRunner().invoke(main, ['--help']); print(r.exit_code, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing + run], cwd=ROOT, capture_output=True, text=True, check=True)
    code, *modules = done.stdout.split()
    assert code == "0"
    assert not set(HEAVY) & set(modules)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """Each command in the table is there, under its name, and says what it does."""
    found = main.get_command(click.Context(main), name)
    assert found is not None
    assert found.name == name
    assert found.help


def test_a_command_that_is_misspelt() -> None:
    """The nearest command is named."""
    result = CliRunner().invoke(main, ["validat"])
    assert result.exit_code == 2
    assert "No such command 'validat'. Did you mean 'validate'?" in result.stderr


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("no such environment"), 2, "tminus: no such environment\n"),
        (MissingSecret("the secret env:X is not there"), 2, "tminus: the secret env:X is not there\n"),
        (BookError((Mistake(Path("b.yaml"), 3, "step x", "wrong"),)), 2, "b.yaml:3: step x: wrong\n"),
        (Refused("not your role"), 3, "tminus: not your role\n"),
        (ActionFailed("half done"), 1, "tminus: half done\n"),
        (TminusError("something else"), 1, "tminus: something else\n"),
    ],
)
def test_an_error_is_one_clear_message(error: TminusError, code: int, said: str) -> None:
    """What tminus raises is told on stderr, without a traceback, and sets the exit code."""

    @click.group(cls=LazyGroup)
    def group() -> None:
        raise error

    result = CliRunner().invoke(group, ["schema"])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)
    assert exit_code(error) == code


def groups(command: click.Command, context: click.Context) -> Iterator[tuple[click.Group, click.Context]]:
    """The command line, and every command of it that has commands."""
    if isinstance(command, click.Group):
        yield command, context
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) is not None:
                yield from groups(inner, click.Context(inner, parent=context, info_name=name))


def test_no_help_breaks_off() -> None:
    """In 80 columns each command's first sentence stands there whole."""
    context = click.Context(main, info_name="tminus", terminal_width=80)
    lists = [(group.name, group.get_help(ctx).splitlines()) for group, ctx in groups(main, context)]
    assert {"main", "operate", "line"} <= {name for name, _ in lists}
    assert [(name, line) for name, lines in lists for line in lines[1:] if line.endswith("...")] == []
