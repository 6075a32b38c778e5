"""`tminus rehearse-readiness`: a system's whole checklist on this machine, against real servers."""

import signal
import time
from pathlib import Path

import click

from tminus.errors import TminusError, UsageError


@click.command("rehearse-readiness")
@click.argument("system")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("rehearsal-out"),
    show_default=True,
    help="New, empty, or an earlier rehearsal's; every format of the checklist goes into readiness-SYSTEM in it.",
)
@click.option("--keep", is_flag=True, help="Leave everything up at the end, to look around, until Ctrl-C.")
def command(system: str, out: Path, keep: bool) -> None:
    """Goes through SYSTEM's checklist on this machine.

    Looks at every line of it on the rehearsal's estate; what the estate has not is skipped. Exits 0 where the checklist
    was gone through, whatever it says of the rehearsal's readiness.
    """
    from deployments.rehearsal.binaries import CHECKOUT
    from deployments.rehearsal.out_folder import NotOurs, OutFolder
    from deployments.rehearsal.server_errors import BinaryMissing, NoFreePort, ServerError
    from tminus.wording import nearest

    known = sorted({path.parent.name for path in (CHECKOUT / "runbooks").glob("*/*.yaml")})
    if system not in known:
        raise UsageError(f"no system is called {system!r}{nearest(system, known)}")
    try:
        OutFolder(out).beside(_folder(system))
    except NotOurs as e:
        raise UsageError(f"--out: {e}") from e
    try:
        raise SystemExit(_play(system, out, keep=keep))
    except (BinaryMissing, NoFreePort) as e:
        raise UsageError(str(e)) from e
    except ServerError as e:
        raise TminusError(str(e)) from e


def _folder(system: str) -> str:
    return f"readiness-{system}"


def _play(system: str, out: Path, *, keep: bool) -> int:
    import tempfile

    from cli.rehearse import stay_up, variables_of
    from deployments.rehearsal.faults import FAULTS
    from deployments.rehearsal.out_folder import OutFolder
    from deployments.rehearsal.readiness_play import NOT_READY, sweep, what_to_type
    from deployments.rehearsal.whole_estate import WholeEstate

    # A shell's background job starts with Ctrl-C ignored; whoever sends it here means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = OutFolder(out).begin_beside(_folder(system))
    started = time.monotonic()
    click.echo(f"Readiness of {system}. Starting real servers …")
    with tempfile.TemporaryDirectory(prefix="tminus-") as temporary:
        folder = Path(temporary)
        with kept.logs_of(folder), WholeEstate(folder, FAULTS["none"]) as estate:
            up = time.monotonic() - started
            click.echo(f"Up after {up:.0f} s. Prefect's UI: {estate.servers.addresses.prefect.url}")
            code = sweep(estate, system, kept.path, click.echo)
            click.echo(f"All of it took {time.monotonic() - started:.0f} s.")
            if keep:
                stay_up(folder, what_to_type(estate, system, variables_of(estate)), kept)
    return 0 if code in {0, NOT_READY} else code
