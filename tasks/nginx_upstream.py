"""The include file that holds a service's upstream block: which pool it names, and rewriting it."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import crossplane

from tasks.instances import HTTP_PORT, ParsedFile, Statement
from tminus.environment import Nginx
from tminus.errors import ActionFailed, CouldNotObserve


@dataclass(frozen=True, slots=True)
class Include:
    """The include file as it was read.

    Attributes:
        text: all of it.
        pool: the pool whose addresses the upstream block names, all of them and no other; None where it is none.
        addresses: those it names, `host:port`, without servers marked `down`.
    """

    text: str
    pool: str | None
    addresses: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """The text's digest, in hexadecimal digits."""
        return digest(self.text)


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read(nginx: Nginx) -> Include:
    """The include file now; raises CouldNotObserve where it cannot be read, or does not hold that upstream block."""
    text = text_of(nginx.include)
    if text is None:
        raise CouldNotObserve(f"{nginx.include}: cannot be read as text; is the include file there, and readable here?")
    block = _upstream(_parse(text, nginx), nginx)
    addresses = tuple(_address(server) for server in _servers(block) if "down" not in server["args"][1:])
    named = (name for name, pool in nginx.pools.items() if {_with_port(entry) for entry in pool} == set(addresses))
    return Include(text, next(named, None), addresses)


def text_of(path: Path) -> str | None:
    """What stands in a file, exactly; None where it cannot be read."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def other_pool(nginx: Nginx, pool: str) -> str:
    """The one of the two pools that `pool` is not."""
    return next(name for name in nginx.pools if name != pool)


def with_pool(nginx: Nginx, text: str, pool: str) -> str:
    """The text with the upstream block's servers replaced by those of `pool`; all else, comments too, as it was.

    The parameters (`max_fails=0`) carry over, so they must be the same for all servers. Raises CouldNotObserve where
    they are not: which of the new servers should get which cannot be known.
    """
    tree = _parse(text, nginx)
    block = _upstream(tree, nginx)
    servers = _servers(block)
    parameters = {tuple(server["args"][1:]) for server in servers}
    if len(parameters) != 1:
        raise CouldNotObserve(
            f"{nginx.include}: the servers of upstream {nginx.upstream} differ in their parameters, so those of pool "
            f"{pool} are not known; give all servers the same"
        )
    template, kept = servers[0], next(iter(parameters))
    new: list[Statement] = [{**template, "args": [address, *kept]} for address in nginx.pools[pool]]
    inside = block["block"]
    place = inside.index(template)
    rest = [statement for statement in inside if statement["directive"] != "server"]
    block["block"] = [*rest[:place], *new, *rest[place:]]
    return f"{crossplane.build(tree)}\n"


def write(path: Path, text: str) -> None:
    """Replaces a file's text in one step, keeping its mode and owner: a reader sees the old text or the new.

    Raises ActionFailed, with began=False where the old text still stands.
    """
    new = path.with_name(f".{path.name}.new")  # found by no pattern such as *.conf; whoever writes holds the lock
    try:
        _write_through(new, text, path)
        new.replace(path)
    except OSError as e:
        raise ActionFailed(f"{path} cannot be rewritten ({e.strerror}); may tminus write in that folder?", False) from e
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as e:
        raise ActionFailed(f"{path} was rewritten, but its folder cannot be flushed to disk ({e.strerror})") from e


def _write_through(new: Path, text: str, like: Path) -> None:
    with new.open("w", encoding="utf-8", newline="") as file:
        if like.exists():
            was = like.stat()
            with suppress(PermissionError):  # only root gives files away; others keep the mode alone
                os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fchmod(file.fileno(), was.st_mode & 0o7777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _parse(text: str, nginx: Nginx) -> list[Statement]:
    """The text's statements, comments among them; crossplane reads files only."""
    with NamedTemporaryFile("w", suffix=".conf", newline="", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        parsed = crossplane.parse(file.name, single=True, comments=True, check_ctx=False, check_args=False)
    for error in parsed["errors"]:
        what = error["error"].removesuffix(f" in {file.name}:{error['line']}")
        raise CouldNotObserve(f"{nginx.include}:{error['line'] or 1}: does not parse: {what}")
    files: list[ParsedFile] = parsed["config"]
    return files[0]["parsed"]


def _upstream(tree: list[Statement], nginx: Nginx) -> Statement:
    found = [entry for entry in tree if entry["directive"] == "upstream" and entry["args"] == [nginx.upstream]]
    if len(found) != 1 or not _servers(found[0]):
        raise CouldNotObserve(
            f"{nginx.include}: {len(found)} upstream blocks are called {nginx.upstream!r}, expected one, with servers; "
            "put that block, alone, into the include file"
        )
    return found[0]


def _servers(block: Statement) -> list[Statement]:
    return [entry for entry in block.get("block", []) if entry["directive"] == "server" and entry["args"]]


def _address(server: Statement) -> str:
    return _with_port(server["args"][0])


def _with_port(address: str) -> str:
    has_port = address.startswith("unix:") or ":" in address.rpartition("]")[2]
    return address if has_port else f"{address}:{HTTP_PORT}"
