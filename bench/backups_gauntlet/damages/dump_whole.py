"""Dumps of another database than the right one, and dumps of the right one that are only written otherwise."""

from typing import ClassVar

from bench.backups_gauntlet.damage import Mode
from bench.backups_gauntlet.damages.dump_data import Sql
from bench.backups_gauntlet.lives.dumps import LiveDump, shop_of


class EmptyDump(Sql):
    """The dump is of an empty database of the same name: it restores cleanly."""

    notices: ClassVar[tuple[str, ...]] = ("tables_differ",)

    def dump(self, live: LiveDump) -> bytes:
        """See Sql."""
        return _instead(live, "CREATE DATABASE shop OWNER shop")


class WrongEncoding(Sql):
    """The dump is of a database of the same name in SQL_ASCII."""

    notices: ClassVar[tuple[str, ...]] = ("schema_differs",)

    def dump(self, live: LiveDump) -> bytes:
        """See Sql."""
        return _instead(live, "CREATE DATABASE shop OWNER shop TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")


class WrongDatabase(Sql):
    """The dump is of another database of the server."""

    notices: ClassVar[tuple[str, ...]] = ("schema_differs",)

    def dump(self, live: LiveDump) -> bytes:
        """See Sql."""
        return live.shop.dump(database="trading")


class RenamedDatabase(Sql):
    """The dump is of a copy of the database under another name, with the same in it."""

    notices: ClassVar[tuple[str, ...]] = ("schema_differs",)

    def dump(self, live: LiveDump) -> bytes:
        """See Sql."""
        with live.shop.connect("postgres") as connection:
            connection.execute("CREATE DATABASE shop_copy OWNER shop TEMPLATE shop")
        try:
            return live.shop.dump(database="shop_copy")
        finally:
            with live.shop.connect("postgres") as connection:
                connection.execute("DROP DATABASE shop_copy WITH (FORCE)")


def _instead(live: LiveDump, create: str) -> bytes:
    """A dump of another database that has the shop's name meanwhile."""
    shop = shop_of(live)
    with shop.connect("postgres") as connection:
        connection.execute("ALTER DATABASE shop RENAME TO shop_kept")
        connection.execute(create.encode())
    try:
        return shop.dump()
    finally:
        with shop.connect("postgres") as connection:
            connection.execute("DROP DATABASE shop WITH (FORCE)")
            connection.execute("ALTER DATABASE shop_kept RENAME TO shop")


class Harmless(Sql, abstract=True):
    """The same data, written otherwise."""

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False


class AnotherOrder(Harmless):
    """The rows lie in another order, as after a CLUSTER."""

    sql: ClassVar[tuple[str, ...]] = (
        "CREATE TABLE shop.aside AS SELECT * FROM shop.east ORDER BY id DESC",
        "TRUNCATE shop.east",
        "INSERT INTO shop.east SELECT * FROM shop.aside",
        "DROP TABLE shop.aside",
        "UPDATE shop.ledger SET amount = amount WHERE id % 3 = 0",
    )


class Uncompressed(Harmless):
    """The dump is not compressed."""

    options: ClassVar[tuple[str, ...]] = ("--compress=0",)


class AsInserts(Harmless):
    """The dump has INSERT statements instead of COPY."""

    options: ClassVar[tuple[str, ...]] = ("--column-inserts", "--rows-per-insert=50")


class DeadRows(Harmless):
    """The live tables had dead rows and free space when it was dumped."""

    sql: ClassVar[tuple[str, ...]] = (
        "INSERT INTO shop.west SELECT 1000 + g, 'brief' FROM generate_series(1, 5000) g",
        "DELETE FROM shop.west WHERE id > 1000",
        "ANALYZE shop.west",
    )


class StaleView(Harmless):
    """A materialized view was stale when it was dumped: no dump has its rows, and a restore fills it anew."""

    sql: ClassVar[tuple[str, ...]] = (
        "UPDATE shop.accounts SET tier = 'pro' WHERE id < 50",
        "REFRESH MATERIALIZED VIEW shop.per_tier",
        "UPDATE shop.accounts SET tier = (ARRAY['basic', 'plus', 'pro'])[1 + id % 3] WHERE id < 50",
    )
