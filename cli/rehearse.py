"""`tminus rehearse`: a whole launch on this machine, against real servers, on a compressed clock."""

import shlex
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import TminusError, UsageError

if TYPE_CHECKING:
    from deployments.rehearsal.faults import Fault
    from deployments.rehearsal.out_folder import OutFolder
    from deployments.rehearsal.play import Played
    from deployments.rehearsal.whole_estate import WholeEstate


@click.command("rehearse")
@click.option("--fault", "name", default="none", show_default=True, help="What to break on purpose; `list` names them.")
@click.option("--keep", is_flag=True, help="Leave everything up at the end, to look around, until Ctrl-C.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("rehearsal-out"),
    show_default=True,
    help="For report and logs: new, empty, or an earlier rehearsal's, which is replaced.",
)
@click.option(
    "--hour", default="5s", show_default=True, help="How long an hour of the countdown takes; longer on a slow machine."
)
@click.option(
    "--book",
    type=click.Path(path_type=Path),
    help="Another book than TradeSense's own, whose steps the faults' promises name.",
)
def command(name: str, keep: bool, out: Path, hour: str, book: Path | None) -> None:
    """Plays a whole launch on this machine.

    T-4h, T-15m, T-0 and T+4h on real servers, with or without a fault, in about a minute: starting the servers takes
    ten seconds of it, and a machine that is slow or busy takes longer.

    Exit code: as the launch's: 0 launched, 3 no-go or held, 4 rolled back; 1 where it did not end just as the fault
    promises: by that step, with that verdict, and so for customers, Slack and PagerDuty too.
    """
    from deployments.rehearsal.faults import FAULTS

    if name == "list":
        for fault in FAULTS.values():
            click.echo(f"{fault.name:18}  exit {fault.exit_code}  {fault.promise}")
            click.echo(f"{'':28}{fault.ending}")
        return
    if name not in FAULTS:
        raise UsageError(f"no fault is called {name!r}; there are: {', '.join(FAULTS)}")
    _refuse_mistakes(hour, book, out)
    raise SystemExit(_play_or_say_why(name, hour, keep, out, book))


def _refuse_mistakes(hour: str, book: Path | None, out: Path) -> None:
    """Before anything is started: starting real servers takes a while."""
    from deployments.rehearsal.out_folder import NotOurs, OutFolder
    from tminus.clock import parse_duration

    try:
        parse_duration(hour)
    except ValueError as e:
        raise UsageError(f"--hour: {e}") from e
    if book is not None and not book.is_file():
        raise UsageError(f"--book: there is no file {book}")
    try:
        OutFolder(out).refuse_others()
    except NotOurs as e:
        raise UsageError(f"--out: {e}") from e


def _play_or_say_why(name: str, hour: str, keep: bool, out: Path, book: Path | None) -> int:
    from deployments.rehearsal.server_errors import BinaryMissing, NoFreePort, ServerError

    try:
        return _play(name, hour, keep, out, book)
    except (BinaryMissing, NoFreePort) as e:
        raise UsageError(str(e)) from e
    except ServerError as e:
        raise TminusError(str(e)) from e


def _play(name: str, hour: str, keep: bool, out: Path, book: Path | None) -> int:
    import tempfile

    from deployments.rehearsal.faults import FAULTS
    from deployments.rehearsal.out_folder import OutFolder
    from deployments.rehearsal.play import BOOK, play, read_first
    from deployments.rehearsal.whole_estate import WholeEstate

    # A shell's background job starts with Ctrl-C ignored; whoever sends it here means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fault, kept = FAULTS[name], OutFolder(out)
    kept.begin(fault.name)
    started = time.monotonic()
    click.echo(f"Rehearsal with {fault.name}: {fault.promise}. Starting real servers …")
    with tempfile.TemporaryDirectory(prefix="tminus-") as temporary:
        folder = Path(temporary)
        with kept.logs_of(folder), WholeEstate(folder, fault, hour) as estate:
            up = time.monotonic() - started
            click.echo(f"Up after {up:.0f} s. Prefect's UI: {estate.servers.addresses.prefect.url}")
            played = play(estate, out, click.echo, (book or BOOK).resolve())
            click.echo(f"The launch took {played.seconds:.0f} s, all of it {time.monotonic() - started:.0f} s.")
            code = judged(fault, played, kept)
            if keep:
                stay_up(folder, [read_first(variables_of(estate)), "tminus status", *secrets_of(estate)], kept)
    return code


def variables_of(estate: "WholeEstate") -> Path:
    """A file for a shell to read, with what every process of the rehearsal knows; the secrets are made up for it."""
    prefect = estate.servers.addresses.prefect.environment()
    shown = {name: value.get_secret_value() for name, value in prefect.items()}
    made = {**estate.environment(), **shown, "TMINUS_KEY": str(estate.folder / "keys" / "devops_lead")}
    path = estate.folder / "variables.sh"
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in made.items()), "utf-8")
    return path


def secrets_of(estate: "WholeEstate") -> list[str]:
    """What shows the rehearsal's secrets and rotates them, with the files that it wants."""
    book = estate.folder / "runbooks" / "tradesense" / "secrets.yaml"
    files = f"--runbook {shlex.quote(str(book))} --environment {shlex.quote(str(estate.folder / 'environment.yaml'))}"
    return [f"tminus secrets {files}", f"tminus rotate database --dry-run {files}"]


def judged(fault: "Fault", played: "Played", kept: "OutFolder") -> int:
    """The launch's own exit code where it ended just as promised, else 1, with what differs."""
    otherwise = played.otherwise_than(fault)
    kept.tell(fault.name, str(fault.ending), str(played.ending), otherwise)
    if not otherwise:
        click.echo(f"As promised: {fault.ending}.")
        click.echo(played.said)
        return played.code
    click.echo(played.said)
    click.echo(f"NOT as promised.\n  promised: {fault.ending}\n  found:    {played.ending}", err=True)
    for line in otherwise:
        click.echo(f"  - {line}", err=True)
    if played.too_slow:
        click.echo(played.too_slow, err=True)
    return 1


def stay_up(folder: Path, to_type: Sequence[str], kept: "OutFolder") -> None:
    """Says where everything is, what to type in another terminal, and what comes at the end; then waits for Ctrl-C."""
    click.echo(f"Everything stays up, in {folder}. In another terminal, line by line:")
    for line in to_type:
        click.echo(f"  {line}")
    click.echo(f"Ctrl-C ends it; only then every server's log is copied to {kept.logs}.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("Ending everything.")
