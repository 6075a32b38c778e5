"""Writers that never pause for long, and what a reader sees of them in one snapshot."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_TABLES = """
    DROP TABLE IF EXISTS busy_entries, busy_accounts;
    CREATE TABLE busy_accounts (id int PRIMARY KEY, balance bigint NOT NULL);
    CREATE TABLE busy_entries (id bigserial PRIMARY KEY, account int NOT NULL, amount bigint NOT NULL);
    INSERT INTO busy_accounts SELECT g, 1000 FROM generate_series(1, 50) AS g
"""
SEEN = """
    SELECT (SELECT md5(string_agg(id || ':' || balance, ',' ORDER BY id)) FROM busy_accounts)
           || (SELECT count(*) || md5(coalesce(string_agg(id || ':' || account || ':' || amount, ',' ORDER BY id), ''))
               FROM busy_entries)
"""


def make_tables(dsn: str) -> None:
    """Accounts, and the entries that every transfer between them leaves."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_TABLES)


@contextmanager
def writing(dsn: str, writers: int = 3, pause: float = 0.001, asynchronous: bool = False) -> Iterator[None]:
    """Transfers by `writers` threads, each in a transaction of four statements, until the block ends."""
    stop = threading.Event()

    def write(seed: int) -> None:
        drawn = random.Random(seed)  # noqa: S311 - no secret
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"SET synchronous_commit = {'off' if asynchronous else 'on'}")
            while not stop.wait(drawn.uniform(0, pause)):
                _transfer(connection, drawn)

    threads = [threading.Thread(target=write, args=(seed,), daemon=True) for seed in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _transfer(connection: "psycopg.Connection[tuple[object, ...]]", drawn: random.Random) -> None:
    one, other = sorted(drawn.sample(range(1, 51), 2))  # in order, so that no two wait for each other
    amount = drawn.randrange(1, 100)
    with connection.transaction(force_rollback=drawn.random() < 0.1):
        connection.execute("UPDATE busy_accounts SET balance = balance - %s WHERE id = %s", (amount, one))
        connection.execute("UPDATE busy_accounts SET balance = balance + %s WHERE id = %s", (amount, other))
        connection.execute(
            "INSERT INTO busy_entries (account, amount) VALUES (%s, %s), (%s, %s)", (one, -amount, other, amount)
        )
