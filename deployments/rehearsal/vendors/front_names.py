"""A name server for one zone, spoken to over TCP: a fake of the one that a domain's owner runs."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from deployments.rehearsal.stand_in_server import listen

_PATIENCE = 5.0  # seconds
_LENGTH = struct.Struct("!H")  # RFC 1035, 4.2.2: before each message


@dataclass
class NameServer:
    """What it answers. Its fields may be changed while it is served.

    Attributes:
        addresses: name → its IPv4 addresses.
        broken: it says that it failed, whatever is asked.
    """

    addresses: dict[str, list[str]] = field(default_factory=dict)
    broken: bool = False

    @contextmanager
    def served(self) -> Iterator[str]:
        """Its address, for as long as the block lasts."""
        with listen(0) as listening:
            thread = threading.Thread(target=self._accept, args=(listening,), daemon=True)
            thread.start()
            try:
                yield f"dns://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                listening.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # it was shut down
                return
            with connection:
                connection.settimeout(_PATIENCE)
                try:
                    self._converse(connection)
                except (OSError, dns.exception.DNSException, struct.error):
                    continue

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rwb") as stream:
            while length := stream.read(_LENGTH.size):
                question = dns.message.from_wire(stream.read(_LENGTH.unpack(length)[0]))
                answer = self._answer(question).to_wire()
                stream.write(_LENGTH.pack(len(answer)) + answer)
                stream.flush()

    def _answer(self, question: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(question, recursion_available=True)
        asked = question.question[0]
        known = self.addresses.get(asked.name.to_text(omit_final_dot=True))
        if self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif known is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.A and known:
            reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "A", *known))
        return reply
