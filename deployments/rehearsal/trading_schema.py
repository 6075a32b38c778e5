"""The trading service's tables, and rows for a backup to hold."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from typing import LiteralString

ACCOUNTS = 200
ORDERS_EACH = 10

# No password hashes to these accounts: nobody logs in as them.
SEED_ACCOUNTS: LiteralString = """
    INSERT INTO accounts (email, password_hash, created_at)
    SELECT format('customer-%%s@trading.test', n), '1$00$00', now() - make_interval(days => n)
    FROM generate_series(1, %s) AS n ON CONFLICT (email) DO NOTHING RETURNING id"""
SEED_ORDERS: LiteralString = """
    WITH customers AS (SELECT id, row_number() OVER (ORDER BY email) AS n
                       FROM accounts WHERE password_hash = '1$00$00'),
         placed AS (INSERT INTO orders (account_id, symbol, side, quantity, price, service_version, placed_at)
                    SELECT id, (ARRAY['BTCUSD', 'EURUSD', 'GBPUSD', 'XAUUSD'])[1 + (n + k) %% 4],
                           (ARRAY['buy', 'sell'])[1 + (n * k) %% 2], 1 + (n * 7 + k) %% 50, 100 + (n * 13 + k) %% 900,
                           '1.9.0', now() - make_interval(hours => k::int)
                    FROM customers, generate_series(1, %s) AS k RETURNING id, account_id, placed_at)
    INSERT INTO journal (at, account_id, order_id, entry, instance)
    SELECT placed_at, account_id, id, 'placed', 'seed' FROM placed"""


def create_trading_schema(dsn: str) -> None:
    """Create the tables where they are missing. Raises ``psycopg.Error``."""
    script = files("deployments.rehearsal").joinpath("trading_schema.sql").read_bytes()
    with psycopg.connect(dsn) as connection:
        connection.execute(script)


def seed_trading_rows(dsn: str, *, accounts: int = ACCOUNTS, orders_each: int = ORDERS_EACH) -> int:
    """Add ``accounts`` customers with ``orders_each`` orders, once; the number of accounts added (0 the second time).

    The rows depend on their numbers alone, except for the times. Raises ``psycopg.Error``.
    """
    with psycopg.connect(dsn) as connection:
        added = len(connection.execute(SEED_ACCOUNTS, (accounts,)).fetchall())
        if added:
            connection.execute(SEED_ORDERS, (orders_each,))
        return added
