"""Which instances there are, read from the load balancer's own configuration and never from a list."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import crossplane

from tminus.environment import Nginx
from tminus.errors import CouldNotObserve

Pool = Literal["serving", "idle"]
HTTP_PORT = "80"  # what nginx takes for a server without one


class Statement(TypedDict):
    """One statement of an nginx configuration, as crossplane returns it."""

    directive: str
    line: int
    args: list[str]
    block: NotRequired[list["Statement"]]
    includes: NotRequired[list[int]]


class ParsedFile(TypedDict):
    """One file of an nginx configuration, as crossplane returns it."""

    file: str
    parsed: list[Statement]


@dataclass(frozen=True, slots=True)
class Instances:
    """Addresses (`host:port`) of a service's instances.

    Attributes:
        serving: those nginx passes requests to, backups included.
        idle: those of the environment's pools that nginx passes none to.
        pool: the environment's pool that all of `serving` belong to; empty where there is none.
    """

    serving: tuple[str, ...]
    idle: tuple[str, ...]
    pool: str = ""

    def of(self, pool: Pool) -> tuple[str, ...]:
        """One of the two; raises CouldNotObserve where it is empty."""
        found = self.serving if pool == "serving" else self.idle
        if not found:
            raise CouldNotObserve(f"no instance is {pool}; look at the upstream block and at the environment's pools")
        return found


async def discover(nginx: Nginx) -> Instances:
    """The instances as nginx is configured now.

    A host name stands for every address it resolves to, as it does for nginx itself.
    Raises CouldNotObserve, with file and line, where the configuration does not say.
    """
    upstream = await asyncio.to_thread(read_upstream, nginx.config, nginx.upstream)
    serving = await _resolved(upstream)
    pools = {name: await _resolved(tuple(addresses)) for name, addresses in nginx.pools.items()}
    known = dict.fromkeys(address for addresses in pools.values() for address in addresses)
    whole = (name for name, addresses in pools.items() if serving and set(serving) <= set(addresses))
    return Instances(serving, tuple(address for address in known if address not in serving), next(whole, ""))


def read_upstream(config: Path, upstream: str) -> tuple[str, ...]:
    """The servers in the upstream block named `upstream` of the http block, includes followed, as `host:port`.

    Servers marked `down` get no requests and are left out. Raises CouldNotObserve, with file and line, where the
    configuration does not parse, names no such upstream, or one without servers.
    Source of the defaults: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server
    """
    files = _parsed(config)
    blocks = [
        (file, inner)
        for outer, http in _statements(files, files[0], files[0]["parsed"], "http")
        for file, inner in _statements(files, outer, http.get("block", []), "upstream")
    ]
    named = [(file, block) for file, block in blocks if block["args"] == [upstream]]
    if not named:
        known = ", ".join(sorted(" ".join(block["args"]) for _, block in blocks)) or "none"
        raise CouldNotObserve(f"{config}: no upstream is called {upstream!r} (it has: {known})")
    servers = [
        _address(server, f"{inside['file']}:{server['line']}")
        for file, block in named
        for inside, server in _statements(files, file, block.get("block", []), "server")
        if "down" not in server["args"][1:]
    ]
    if not servers:
        place = f"{named[0][0]['file']}:{named[0][1]['line']}"
        raise CouldNotObserve(f"{place}: the upstream {upstream!r} names no server that gets requests")
    return tuple(dict.fromkeys(servers))


def _parsed(config: Path) -> list[ParsedFile]:
    """The configuration's files, the main one first. Raises CouldNotObserve.

    Which arguments a directive takes, and where it may stand, is nginx's to judge: crossplane's table is older than
    some directives. So the first reading finds broken syntax, and the second, without that table, drops no statement.
    """
    for error in crossplane.parse(str(config))["errors"]:
        if not error["error"].startswith("invalid ") and "directive is not allowed here" not in error["error"]:
            place = f"{error['file']}:{error['line'] or 1}"
            what = error["error"].removesuffix(f" in {place}")
            raise CouldNotObserve(f"nginx's configuration does not parse: {place}: {what}")
    files: list[ParsedFile] = crossplane.parse(str(config), check_ctx=False, check_args=False)["config"]
    return files


def _statements(
    files: list[ParsedFile], file: ParsedFile, block: list[Statement], name: str
) -> Iterator[tuple[ParsedFile, Statement]]:
    """The statements called `name` directly in `block`, those of included files among them, each with its file."""
    for statement in block:
        if statement["directive"] == name:
            yield file, statement
        for index in statement.get("includes", []):
            yield from _statements(files, files[index], files[index]["parsed"], name)


def _address(server: Statement, place: str) -> str:
    if not server["args"]:
        raise CouldNotObserve(f"{place}: a server without an address")
    address = server["args"][0]
    if address.startswith("unix:"):
        raise CouldNotObserve(f"{place}: {address} is a Unix socket, which cannot be asked over HTTP from here")
    has_port = ":" in address.rpartition("]")[2]
    return address if has_port else f"{address}:{HTTP_PORT}"


async def _resolved(addresses: tuple[str, ...]) -> tuple[str, ...]:
    found = await asyncio.gather(*(_resolve(address) for address in addresses))
    return tuple(dict.fromkeys(address for group in found for address in group))


async def _resolve(address: str) -> tuple[str, ...]:
    host, _, port = address.rpartition(":")
    if _is_ip(host.strip("[]")):
        return (address,)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:  # the second for what cannot be a host name at all
        raise CouldNotObserve(f"{address}: the name does not resolve ({e}); ask whoever runs the DNS") from e
    hosts = (str(entry[4][0]) for entry in found)
    return tuple(f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in hosts)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
