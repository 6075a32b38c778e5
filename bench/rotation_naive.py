"""What most do: one user, whose password is changed first and put into Secrets Manager then, for bench.rotation."""

import json
import threading
from collections.abc import Sequence
from typing import Self

from psycopg import sql

from bench.rotation_place import Place
from deployments.rehearsal.addresses import made_up


class Naive:
    """Rotates its own secrets in turn, in a thread, one every few seconds.

    Attributes:
        rotations: how many it did.
    """

    def __init__(self, at: Place, secrets: Sequence[str], every: float) -> None:
        self._at = at
        self._secrets = secrets
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rotations = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            self._rotate(self._secrets[self.rotations % len(self._secrets)])
            self.rotations += 1

    def _rotate(self, secret: str) -> None:
        manager = self._at.secrets
        fields = {**self._at.current(secret), "password": made_up().get_secret_value()}
        with self._at.superuser() as connection:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(change.format(sql.Identifier(fields["username"]), sql.Literal(fields["password"])))
        manager.put_secret_value(SecretId=secret, SecretString=json.dumps(fields))
