"""TLS handshakes, made to find out what a server offers, what it still takes, and who it says it is.

A handshake is made as a browser would (what it refuses, users see), and as nobody should (what the server takes then,
an attacker may choose). Nothing is sent over any of these connections.
"""

import asyncio
import errno
import socket
import ssl
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from tminus.clock import show_duration
from tminus.errors import CouldNotObserve, NotConfigured

_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
# OpenSSL's verify codes for a certificate of another name (openssl-verify(1)): host, email, address.
_OF_ANOTHER = {62, 63, 64}
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
# OpenSSL's own reasons for not even asking: its configuration forbids the version, or leaves no cipher for it.
_NOT_ASKED = {"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "UNSUPPORTED_SSL_VERSION"}
VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1)
SPOKEN = {
    ssl.TLSVersion.TLSv1_3: "TLSv1.3",
    ssl.TLSVersion.TLSv1_2: "TLSv1.2",
    ssl.TLSVersion.TLSv1_1: "TLSv1.1",
    ssl.TLSVersion.TLSv1: "TLSv1",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and whether it speaks TLS from the first byte."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows.

    Attributes:
        ends: when it expires.
        der: the certificate itself.
    """

    ends: datetime
    der: bytes


def address_of(url: str) -> Address:
    """The address in an endpoint's URL; raises NotConfigured where it names none."""
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        port = None
    if not parts.hostname or port is None:
        raise NotConfigured("an endpoint's address names no host and port; write it as https://api.example.com")
    return Address(parts.hostname, port, parts.scheme in {"https", "wss"})


async def negotiated(address: Address, within: timedelta) -> tuple[str, Certificate] | None:
    """The version that the server prefers, and its certificate, whatever that is worth; None where it speaks no TLS.

    Raises CouldNotObserve where nothing answers there.
    """
    context = _careless(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1)
    return await asyncio.to_thread(_negotiated, address, context, within)


async def takes(address: Address, version: ssl.TLSVersion, within: timedelta) -> bool:
    """Whether the server still agrees on a version that is offered alone.

    Raises CouldNotObserve where it does not answer, or this machine's OpenSSL does not speak that version itself.
    """
    unspoken = CouldNotObserve(f"{ssl.OPENSSL_VERSION} of this machine does not speak {SPOKEN[version]}, so cannot ask")
    if not getattr(ssl, f"HAS_{version.name}", False):
        raise unspoken
    try:
        context = _careless(version, version)
    except ValueError as e:
        raise unspoken from e
    return await asyncio.to_thread(_takes, address, context, within)


async def distrust(address: Address, authority: Path | None, within: timedelta) -> str:
    """Why the chain is not trusted, in OpenSSL's words; "" where it is, be it for another name."""
    context = await asyncio.to_thread(ssl.create_default_context, cafile=authority)
    context.check_hostname = False
    return await asyncio.to_thread(_verified, address, address.host, context, within)


async def is_for(address: Address, certificate: Certificate, within: timedelta) -> bool:
    """Whether the certificate names the host, be it trusted or not; raises CouldNotObserve."""
    return await asyncio.to_thread(_is_for, address, certificate, within)


async def reaches(address: Address, where: str, authority: Path | None, within: timedelta) -> bool:
    """Whether what listens at the IP address `where` is the address's host: with TLS, by a trusted certificate.

    Raises CouldNotObserve where no answer comes in time, or no way leads there from here (such as no IPv6).
    """
    return await asyncio.to_thread(_reaches, address, where, authority, within)


def _connect(address: Address, where: str, within: timedelta) -> socket.socket:
    place = f"{address.host}:{address.port}"
    try:
        return socket.create_connection((where, address.port), timeout=within.total_seconds())
    except TimeoutError as e:
        raise CouldNotObserve(f"{place}: no connection within {show_duration(within)}") from e
    except ConnectionRefusedError as e:
        raise CouldNotObserve(f"{place}: connection refused") from e
    except (OSError, UnicodeError) as e:
        raise CouldNotObserve(f"{place}: no connection ({type(e).__name__})") from e


def _careless(newest: ssl.TLSVersion, oldest: ssl.TLSVersion) -> ssl.SSLContext:
    """A context that takes any certificate and the weakest of ciphers, for versions that are to be found out.

    Not for a thread: what is warned of is a matter of the whole process.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL 3 does not offer the old versions at all
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are deprecated is why they are asked for
        context.minimum_version, context.maximum_version = oldest, newest
    return context


def _negotiated(address: Address, context: ssl.SSLContext, within: timedelta) -> tuple[str, Certificate] | None:
    place = f"{address.host}:{address.port}"
    with _connect(address, address.host, within) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=address.host) as connection:
                version, der = connection.version(), connection.getpeercert(binary_form=True)
        except TimeoutError as e:
            raise _late(address, within) from e
        except OSError as e:
            if isinstance(e, ssl.SSLError) and not isinstance(e, ssl.SSLEOFError):
                return None
            raise CouldNotObserve(f"{place}: the connection broke during the handshake ({type(e).__name__})") from e
    if version is None or der is None:
        raise CouldNotObserve(f"{place}: the server shows no certificate")
    try:
        return version, Certificate(x509.load_der_x509_certificate(der).not_valid_after_utc, der)
    except ValueError as e:
        raise CouldNotObserve(f"{place}: the server's certificate cannot be read") from e


def _takes(address: Address, context: ssl.SSLContext, within: timedelta) -> bool:
    with _connect(address, address.host, within) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=address.host):
                return True
        except TimeoutError as e:
            raise _late(address, within) from e
        except OSError as e:  # an alert, or the connection closed: both say no
            if isinstance(e, ssl.SSLError) and e.reason in _NOT_ASKED:
                raise CouldNotObserve(f"{ssl.OPENSSL_VERSION} of this machine does not offer that version") from e
            return False


def _late(address: Address, within: timedelta) -> CouldNotObserve:
    return CouldNotObserve(f"{address.host}:{address.port}: no TLS handshake within {show_duration(within)}")


def _verified(address: Address, where: str, context: ssl.SSLContext, within: timedelta) -> str:
    with _connect(address, where, within) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=address.host):
                return ""
        except ssl.SSLCertVerificationError as e:
            return e.verify_message or "the certificate cannot be verified"
        except TimeoutError as e:
            raise _late(address, within) from e
        except OSError as e:
            return f"no handshake as browsers make it ({type(e).__name__})"


def _is_for(address: Address, certificate: Certificate, within: timedelta) -> bool:
    """By OpenSSL's own rules: the certificate itself is trusted, and only its name is in question."""
    context = ssl.create_default_context(cadata=certificate.der)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with _connect(address, address.host, within) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=address.host):
                return True
        except ssl.SSLCertVerificationError as e:
            return e.verify_code not in _OF_ANOTHER
        except OSError as e:
            raise CouldNotObserve(f"{address.host}:{address.port}: the handshake broke ({type(e).__name__})") from e


def _reaches(address: Address, where: str, authority: Path | None, within: timedelta) -> bool:
    try:
        if address.tls:
            return not _verified(address, where, ssl.create_default_context(cafile=authority), within)
        _connect(address, where, within).close()
    except CouldNotObserve as e:
        cause = e.__cause__
        if isinstance(cause, TimeoutError) or (isinstance(cause, OSError) and cause.errno in _NO_WAY):
            raise
        return False
    return True
