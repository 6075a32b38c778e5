"""Names of hosts and their addresses, by this machine's resolver or by one that is named."""

import asyncio
import ipaddress
import socket
from datetime import timedelta
from urllib.parse import urlsplit

from tminus.clock import show_duration
from tminus.errors import CouldNotObserve, NotConfigured

_PORT = 53
_GONE = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


async def resolve_here(host: str, within: timedelta) -> tuple[str, ...]:
    """Its addresses, as programs on this machine get them; none where the name has none. Raises CouldNotObserve."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within.total_seconds()):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as e:
        if e.errno in _GONE:
            return ()
        raise CouldNotObserve(f"{host}: this machine cannot resolve names now ({e.strerror})") from e
    except TimeoutError as e:
        raise CouldNotObserve(f"{host}: not resolved within {show_duration(within)}") from e
    except (UnicodeError, OSError) as e:
        raise CouldNotObserve(f"{host}: cannot be resolved ({type(e).__name__})") from e
    return tuple(sorted({str(address[0]) for _, _, _, _, address in found}))


async def resolve_by(server: str, host: str, within: timedelta) -> tuple[str, ...]:
    """Its addresses, as the name server at `dns://host:port` says; none where the name has none.

    Raises NotConfigured where dnspython is missing, CouldNotObserve where the server does not answer, or refuses.
    """
    return await asyncio.to_thread(_ask, server, host, within)


def _ask(server: str, host: str, within: timedelta) -> tuple[str, ...]:
    try:
        import dns.exception
        import dns.resolver
    except ImportError as e:
        raise NotConfigured(
            "asking a name server of one's own needs dnspython, which is not installed; pip install 'tminus[dns]'"
        ) from e
    place = urlsplit(server)
    try:
        where, port = str(ipaddress.ip_address(place.hostname or "")), place.port or _PORT
    except ValueError as e:
        raise NotConfigured(f"{server!r} is no name server; write its address as dns://192.0.2.53:53") from e
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [where], port, within.total_seconds()
    name = host if host.endswith(".") else f"{host}."
    found: set[str] = set()
    for kind in ("A", "AAAA"):
        try:
            answer = resolver.resolve(name, kind, tcp=True, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.exception.DNSException, OSError) as e:
            raise CouldNotObserve(f"the name server {where}:{port} gives no answer ({type(e).__name__})") from e
        found |= {str(record) for record in answer} if answer.rrset is not None else set()
    return tuple(sorted(found))
