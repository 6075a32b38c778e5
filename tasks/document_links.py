"""Whether a page's links lead somewhere: to a file in the folder, a heading in it, or an address that answers."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from tasks import document_pages
from tasks.artifact_files import Folder, shown
from tasks.document_pages import Page
from tasks.probe import get
from tminus.errors import CouldNotObserve
from tminus.loopback import url_is_local

_WITHIN = timedelta(seconds=5)
_AT_ONCE = 8
_LABEL = 64  # characters of a part of a host's name, and one more (RFC 1035, section 2.3.4)
_MOST = 100  # addresses that one page has asked for
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
# Who asks matters there, or how: something is there.
_GUARDED = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def is_address(link: str) -> bool:
    """Whether a link leads to the web."""
    return link.lower().startswith(("http://", "https://", "//"))


def is_within(link: str) -> bool:
    """Whether a link leads to a file or a heading; mail addresses and the like are neither."""
    return not is_address(link) and not _scheme(link)


def dead_files(page: Page, path: str, folder: Folder) -> list[str]:
    """The page's links to files and headings that are not there, each with the reason."""
    reasons = ((link, _trouble(link, page, path, folder)) for link in page.links if is_within(link))
    return [f"{shown(link)}: {reason}" for link, reason in reasons if reason]


async def dead_addresses(page: Page, client: httpx.AsyncClient, *, only_local: bool, inside: bool) -> list[str]:
    """The page's links to the web that do not answer, each with the reason; one that asks who we are is there.

    Raises CouldNotObserve where there are too many, `only_local` is so and one leads elsewhere, or `inside` is not and
    one leads to an address that is not of the internet: loopback, private, link-local. A page is foreign, and must not
    make us ask what only we can reach.
    """
    addresses = [link for link in page.links if is_address(link)]
    if len(addresses) > _MOST:
        raise CouldNotObserve(f"{page.name} has {len(addresses)} links to the web, and over {_MOST} none is followed")
    if only_local and any(not url_is_local(link) for link in addresses):
        raise CouldNotObserve(f"{page.name} links to the web, and with a compressed clock only loopback is asked")
    places = {} if inside else await _places(page.name, addresses)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(link: str) -> str:
        if not _askable(link):
            return "this is no address"
        place = "" if inside else places[_host(link)]
        if place is None:
            return "its host's name is not known"
        async with gate:  # the very address that was looked at is asked: a name may lead elsewhere the next time
            answer = await get(client, _whole(link), _WITHIN, place)
        there = answer.status is not None and (answer.status < HTTPStatus.BAD_REQUEST or answer.status in _GUARDED)
        return "" if there else answer.problem or f"status {answer.status}"

    reasons = await asyncio.gather(*(ask(link) for link in addresses))
    return [f"{_without_secrets(link)}: {said}" for link, said in zip(addresses, reasons, strict=True) if said]


async def _places(name: str, addresses: Sequence[str]) -> dict[str, str | None]:
    """Host → the address to ask, None of a name that nobody knows; raises CouldNotObserve where one leads inside."""
    places: dict[str, str | None] = {}
    for host in dict.fromkeys(_host(link) for link in addresses if _askable(link)):
        found = await _addresses(host)
        if not all(is_of_the_internet(place) for place in found):
            raise CouldNotObserve(
                f"{name} links to {shown(host)}, which is no address of the internet; it is not asked"
            )
        places[host] = found[0] if found else None
    return places


def _whole(link: str) -> str:
    return f"https:{link}" if link.startswith("//") else link


def _host(link: str) -> str:
    return httpx.URL(_whole(link)).host


def is_of_the_internet(place: str) -> bool:
    """Whether an address, or the one of IPv4 that a gateway makes of it, is neither loopback, private nor link-local.

    Sources: https://www.rfc-editor.org/rfc/rfc6052#section-2.1 and https://www.rfc-editor.org/rfc/rfc8215 for NAT64,
    https://www.rfc-editor.org/rfc/rfc3056#section-2 for 6to4.
    """
    address: IPv4Address | IPv6Address = ip_address(place.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.is_site_local or address in _LOCAL_NAT64:
            return False
        if address in _NAT64:
            address = IPv4Address(int(address) & (2**32 - 1))
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast


async def _addresses(host: str) -> list[str]:
    """A host's addresses; none of a name that nobody knows, or that is not found in time."""
    try:
        async with asyncio.timeout(_WITHIN.total_seconds()):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return [str(place[0]) for *_, place in found]


def _askable(link: str) -> bool:
    """Whether an address names a host and a port that there can be; resolvers take others for errors of their own."""
    try:
        parts = urlsplit(link)
        host, port = httpx.URL(link).host, parts.port
    except (ValueError, httpx.InvalidURL):  # ValueError: also a name that IDNA does not allow
        return False
    return port != 0 and (":" in host or all(0 < len(label) < _LABEL for label in host.removesuffix(".").split(".")))


def _trouble(link: str, page: Page, path: str, folder: Folder) -> str:
    target, _, anchor = link.partition("#")
    anchor = unquote(anchor)
    target = unquote(target.partition("?")[0])
    if not target:
        return _missing(anchor, page)
    below = _below(PurePosixPath(path).parent, target)
    if below is None:
        return "it leads out of the folder"
    try:
        if folder.has_folder(below):
            return ""
        file = folder.find(below)
        if file is None:
            return "there is no such file"
        return _missing(anchor, document_pages.read(file)) if anchor and below.endswith(".md") else ""
    except CouldNotObserve as e:
        return str(e)


def _below(start: PurePosixPath, target: str) -> str | None:
    """The path that is meant, from the folder on; a slash at the beginning is the folder. None where it leads out."""
    parts: list[str] = [] if target.startswith("/") else list(start.parts)
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts) or "."


def _missing(anchor: str, page: Page) -> str:
    return "" if not anchor or anchor.lower() in {name.lower() for name in page.anchors} else "there is no such heading"


def _scheme(link: str) -> str:
    try:
        return urlsplit(link).scheme
    except ValueError:
        return "none that can be read"


def _without_secrets(link: str) -> str:
    """An address without what may be a secret in it: user, password, query."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return "an address that cannot be read"
    return shown(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def count(pages_links: Sequence[str], *, with_addresses: bool) -> int:
    """How many links are looked at."""
    return sum(is_within(link) or (with_addresses and is_address(link)) for link in pages_links)
