"""A fake of a database server as its clients see it: PostgreSQL's wire protocol 3.0 over TCP, without a database.

It asks for a password, in clear text, those of whom it is told that they need one. It knows the simple and the
extended query with their errors, sends text only, and asks somebody else what a statement means. See
https://www.postgresql.org/docs/current/protocol-message-formats.html.
"""

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deployments.rehearsal.vendors.cockroach_cells import cell, text

OIDS: Mapping[str, int] = {
    "BOOL": 16,
    "INT8": 20,
    "TEXT": 25,
    "FLOAT8": 701,
    "TIMESTAMP": 1114,
    "TIMESTAMPTZ": 1184,
    "INTERVAL": 1186,
    "NUMERIC": 1700,
    "JSONB": 3802,
    "TEXT[]": 1009,
}
"""What psycopg knows the types of columns by."""

_PROTOCOL, _TLS, _GSS, _CANCEL = 3, 80877103, 80877104, 80877102


class SqlError(Exception):
    """What the server answers instead of rows.

    Args:
        code: the SQLSTATE.
        message: what is wrong.
        hint: what would be right.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass
class Session:
    """What a connection has set; `status` is I (idle), T (in a transaction) or E (in one that failed).

    Attributes:
        user: who logged in.
    """

    settings: dict[str, str] = field(default_factory=dict)
    status: str = "I"
    user: str = ""


@dataclass(frozen=True)
class Answer:
    """Rows with their columns (name, type's name in OIDS); without columns only the tag is sent.

    Attributes:
        tag: what the command is called when it is complete.
        effect: what running it, and not only describing it, does to the session.
    """

    tag: str
    columns: tuple[tuple[str, str], ...] = ()
    rows: Sequence[Sequence[object]] = ()
    effect: Callable[[Session], None] | None = None


Meaning = Callable[[str, Session], Answer]
"""A statement → what it gives; raises SqlError. It is asked when a statement is parsed, described and executed."""


Door = Callable[[str], Callable[[str], bool] | None]
"""A user → what says whether a password is theirs; None where they need none. Raises SqlError for one not let in."""


def open_door(user: str) -> Callable[[str], bool] | None:
    """Nobody needs a password."""
    del user
    return None


@contextlib.contextmanager
def serving(means: Meaning, parameters: Mapping[str, str], door: Door = open_door) -> Iterator[int]:
    """The port on 127.0.0.1 at which it answers; `parameters` are what a client is told when it has logged in."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, struct.error, EOFError):
                _Conversation(self.request, means, parameters, door).talk()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


class _Conversation:
    """One connection, from the start packet to its end."""

    def __init__(self, connection: socket.socket, means: Meaning, parameters: Mapping[str, str], door: Door) -> None:
        self._socket = connection
        self._door = door
        self._means = means
        self._parameters = parameters
        self._session = Session()
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._failed = False  # after an error, everything up to the next Sync is passed over
        self._out = b""
        self._on: Mapping[bytes, Callable[[bytes], None]] = {
            b"Q": self._query,
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
        }

    def talk(self) -> None:
        if not self._start():
            return
        while (kind := self._exactly(1)) != b"X":
            body = self._exactly(struct.unpack("!I", self._exactly(4))[0] - 4)
            if kind == b"S":
                self._failed = False
                self._ready()
            elif kind == b"H":
                self._flush()
            elif kind in self._on and not self._failed:
                try:
                    self._on[kind](body)
                except SqlError as e:
                    self._refuse(e)
                    self._failed = kind != b"Q"
                if kind == b"Q":
                    self._ready()

    def _start(self) -> bool:
        """Whether somebody logged in; those who cancel a query come for that alone."""
        while True:
            length, code = struct.unpack("!II", self._exactly(8))
            asked = self._exactly(length - 8)
            if code == _CANCEL or (code >> 16 != _PROTOCOL and code not in {_TLS, _GSS}):
                return False
            if code >> 16 == _PROTOCOL:
                break
            self._socket.sendall(b"N")
        if not self._let_in(asked):
            return False
        self._send(b"R", struct.pack("!I", 0))
        for name, value in self._parameters.items():
            self._send(b"S", text(name) + text(value))
        self._send(b"K", struct.pack("!II", 1, 1))
        self._ready()
        return True

    def _let_in(self, asked: bytes) -> bool:
        """Whether whoever knocks may come in; they are told why not."""
        said = asked.decode().split("\0")
        self._session.user = dict(zip(said[::2], said[1::2], strict=False)).get("user", "")
        try:
            check = self._door(self._session.user)
        except SqlError as e:
            return self._turn_away(e)
        if check is None:
            return True
        self._send(b"R", struct.pack("!I", 3))
        self._flush()
        self._exactly(1)
        password = self._exactly(struct.unpack("!I", self._exactly(4))[0] - 4)
        if check(password.rstrip(b"\0").decode()):
            return True
        return self._turn_away(SqlError("28P01", f"password authentication failed for user {self._session.user}"))

    def _turn_away(self, error: SqlError) -> bool:
        self._refuse(error, "FATAL")
        self._flush()
        return False

    def _query(self, body: bytes) -> None:
        self._give(self._ran(body.rstrip(b"\0").decode()), described=False)

    def _parse(self, body: bytes) -> None:
        name, sql, _ = body.split(b"\0", 2)
        self._meaning(sql.decode())
        self._statements[name] = sql.decode()
        self._send(b"1")

    def _bind(self, body: bytes) -> None:
        portal, statement, formats = body.split(b"\0", 2)
        (codes,) = struct.unpack("!H", formats[:2])
        (given,) = struct.unpack("!H", formats[2 + 2 * codes : 4 + 2 * codes])
        if given or any(formats[6 + 2 * codes :]):  # after the count of the results' formats: 0 is text
            raise SqlError("0A000", "this fake takes no parameters and gives text only")
        if statement not in self._statements:
            raise SqlError("26000", "unknown prepared statement")
        self._portals[portal] = self._statements[statement]
        self._send(b"2")

    def _describe(self, body: bytes) -> None:
        known = self._statements if body[:1] == b"S" else self._portals
        if body[:1] == b"S":
            self._send(b"t", struct.pack("!H", 0))
        self._describe_columns(self._meaning(known.get(body[1:-1], "")))

    def _execute(self, body: bytes) -> None:
        self._give(self._ran(self._portals.get(body.split(b"\0", 1)[0], "")), described=True)

    def _close(self, body: bytes) -> None:
        (self._statements if body[:1] == b"S" else self._portals).pop(body[1:-1], None)
        self._send(b"3")

    def _meaning(self, sql: str) -> Answer:
        ends = sql.strip().upper().startswith(("ROLLBACK", "COMMIT"))
        if self._session.status == "E" and not ends:
            raise SqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
        return self._means(sql, self._session)

    def _ran(self, sql: str) -> Answer:
        answer = self._meaning(sql)
        if answer.effect is not None:
            answer.effect(self._session)
        return answer

    def _give(self, answer: Answer, *, described: bool) -> None:
        if answer.columns and not described:
            self._describe_columns(answer)
        for row in answer.rows:
            cells = b"".join(cell(value) for value in row)
            self._send(b"D", struct.pack("!H", len(answer.columns)) + cells)
        self._send(b"C", text(f"{answer.tag} {len(answer.rows)}" if answer.columns else answer.tag))

    def _describe_columns(self, answer: Answer) -> None:
        if not answer.columns:
            self._send(b"n")
            return
        described = b"".join(
            text(name) + struct.pack("!IHIhih", 0, 0, OIDS[kind], -1, -1, 0) for name, kind in answer.columns
        )
        self._send(b"T", struct.pack("!H", len(answer.columns)) + described)

    def _refuse(self, error: SqlError, severity: str = "ERROR") -> None:
        if self._session.status == "T":
            self._session.status = "E"
        fields = {"S": severity, "V": severity, "C": error.code, "M": error.message, "H": error.hint}
        self._send(b"E", b"".join(key.encode() + text(said) for key, said in fields.items() if said) + b"\0")

    def _ready(self) -> None:
        self._send(b"Z", self._session.status.encode())
        self._flush()

    def _send(self, kind: bytes, body: bytes = b"") -> None:
        self._out += kind + struct.pack("!I", len(body) + 4) + body

    def _flush(self) -> None:
        self._socket.sendall(self._out)
        self._out = b""

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self._socket.recv(count - len(found))
            if not more:
                raise EOFError
            found += more
        return found
