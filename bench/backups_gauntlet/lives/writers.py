# ruff: noqa: S608 - the table is one of those that were drawn here
"""Somebody who writes all the while that a backup is taken."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

_PAUSE = 0.002  # seconds


@contextmanager
def beside(write: Callable[[threading.Event], None]) -> Iterator[None]:
    """Runs a writer in a thread of its own until the block ends; what it raises, the block raises."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, "writer") as thread:
        writing = thread.submit(write, stop)
        try:
            yield
        finally:
            stop.set()
    writing.result()


@contextmanager
def writing_rows(connect: "Callable[[], psycopg.Connection[tuple[object, ...]]]", table: str) -> Iterator[None]:
    """Rows are added to a table with an identity as `id`, and removed."""

    def write(stop: threading.Event) -> None:
        with connect() as connection:
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100000)".encode())
            number = 0
            while not stop.wait(_PAUSE):
                number += 1
                connection.execute(f"INSERT INTO {table} DEFAULT VALUES".encode())
                if not number % 3:
                    connection.execute(f"DELETE FROM {table} WHERE id = 100000 + {number}".encode())

    with beside(write):
        yield
