"""How an estate reaches what is asked over HTTP: the system's own endpoints, and the vendors' APIs."""

import itertools
import ssl
from contextlib import AsyncExitStack
from functools import lru_cache
from pathlib import Path

import httpx

from tasks.vendor_api import VendorApi
from tminus.environment import Environment
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.web import Api

_WITHIN = 10.0  # seconds
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64)  # one system that hangs must not hold all
_CLIENTS = 8
_OWN_SECTION = {"slack", "pagerduty"}  # their addresses stand among what people are told by


class Clients:
    """HTTP clients by the authority they trust; closed with the stack they are pushed on.

    Each authority has a few, which take turns: a client looks through all of its connections for every request, so
    hundreds of requests through one client take longer than the same through several.
    """

    def __init__(self, closing: AsyncExitStack) -> None:
        self._closing = closing
        self._clients: dict[Path | None, list[httpx.AsyncClient]] = {}
        self._turn = itertools.count()

    def trusting(self, authority: Path | None) -> httpx.AsyncClient:
        """A client that trusts this authority, or the public ones; raises CouldNotObserve for an unreadable file."""
        if authority not in self._clients:
            context = _context(authority)
            self._clients[authority] = [self._client(context) for _ in range(_CLIENTS)]
        return self._clients[authority][next(self._turn) % _CLIENTS]

    def _client(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        client = httpx.AsyncClient(timeout=_WITHIN, trust_env=False, verify=context, limits=_LIMITS)
        self._closing.push_async_callback(client.aclose)
        return client


def _context(authority: Path | None) -> ssl.SSLContext:
    try:
        return _loaded(authority, 0 if authority is None else authority.stat().st_mtime_ns)
    except (OSError, ssl.SSLError) as e:
        raise CouldNotObserve(f"ca_file {authority} cannot be read as certificates ({type(e).__name__})") from e


@lru_cache(maxsize=32)
def _loaded(authority: Path | None, _written: int) -> ssl.SSLContext:
    """Read once for each time that the file was written: reading the public authorities takes 28 ms."""
    return ssl.create_default_context(cafile=authority)


def vendor_api(environment: Environment, name: str, clients: Clients) -> VendorApi:
    """The API that the environment calls `name`; raises NotConfigured where it names none."""
    section = _section(environment, name)
    if section is None:
        raise NotConfigured(f"the environment names no {name}; add its url to the environment file")
    return VendorApi(name, section, clients.trusting(section.ca_file))


def _section(environment: Environment, name: str) -> Api | None:
    if name == "slack" and environment.slack is not None:
        return Api(url=environment.slack.api, token=environment.slack.token)
    if name == "pagerduty" and environment.pagerduty is not None:
        known = environment.pagerduty
        if known.token is None and known.rest is not None:  # whoever may write there may read there
            return Api(url=known.rest.api, token=known.rest.token, ca_file=known.ca_file)
        return Api(url=known.api, token=known.token, ca_file=known.ca_file)
    found = None if name in _OWN_SECTION else getattr(environment, name, None)
    return found if isinstance(found, Api) else None
