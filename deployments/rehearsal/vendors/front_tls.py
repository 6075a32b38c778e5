"""A server that makes TLS handshakes and nothing else, so that its versions and its certificate can be varied.

Handshakes are real, by OpenSSL. Every connection is closed after its own.
"""

import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deployments.rehearsal.stand_in_server import listen

NAMES = ("localhost", "127.0.0.1", "api.vatic.example")
_PATIENCE = 5.0  # seconds
_PLAIN = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass
class Authority:
    """One that signs certificates, its own among them."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    def own(self) -> bytes:
        """Its own certificate (PEM), which clients may trust."""
        return self._sign(self.key, _named(self.name), timedelta(days=3650), x509.BasicConstraints(True, 0), ())

    def issue(self, folder: Path, names: Sequence[str], life: timedelta) -> Path:
        """A file with a server's certificate and its key (mode 0600), good for `life` from now (or until then)."""
        key = _key()
        basic = x509.BasicConstraints(ca=False, path_length=None)
        certificate = self._sign(key, _named("vatic"), life, basic, names)
        plain = serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        path = folder / f"server-{x509.random_serial_number()}.pem"
        path.touch(mode=0o600)
        path.write_bytes(private + certificate)
        return path

    def _sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        subject: x509.Name,
        life: timedelta,
        basic: x509.BasicConstraints,
        names: Sequence[str],
    ) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=90))
            .not_valid_after(now + life)
            .add_extension(basic, critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_alternative, names)), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class TlsServer:
    """What a handshake comes to. Its fields may be changed while it is served, by `change`.

    Attributes:
        certificate: the file with the certificate and its key.
        oldest: the oldest version that it takes.
        newest: the newest.
        speaks_tls: otherwise it answers as a server of plain http does.
    """

    certificate: Path
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    speaks_tls: bool = True

    def __post_init__(self) -> None:
        """Makes ready."""
        self._context = self._made()

    def change(
        self,
        certificate: Path | None = None,
        oldest: ssl.TLSVersion | None = None,
        newest: ssl.TLSVersion | None = None,
    ) -> None:
        """From the next connection on."""
        self.certificate = certificate or self.certificate
        self.oldest, self.newest = oldest or self.oldest, newest or self.newest
        self._context = self._made()

    @contextmanager
    def served(self) -> Iterator[int]:
        """Its port on 127.0.0.1, for as long as the block lasts."""
        with listen(0) as listening:
            thread = threading.Thread(target=self._accept, args=(listening,), daemon=True)
            thread.start()
            try:
                yield int(listening.getsockname()[1])
            finally:
                listening.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # it was shut down
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        with connection:
            try:
                if not self.speaks_tls:
                    connection.recv(1024)
                    connection.sendall(_PLAIN)
                    return
                with self._context.wrap_socket(connection, server_side=True) as agreed:
                    agreed.recv(1)
            except OSError:  # a handshake that came to nothing, or a client that is gone
                return

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL 3 takes no old version, whatever is allowed here
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that they are deprecated is why they are offered
            context.minimum_version, context.maximum_version = self.oldest, self.newest
        context.load_cert_chain(self.certificate)
        return context
