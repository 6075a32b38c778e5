"""Dumps of other data than there were: each restores without an error."""

from typing import ClassVar

from bench.backups_gauntlet.damage import DUMP, Damage
from bench.backups_gauntlet.lives.dumps import LiveDump
from bench.backups_gauntlet.trial import Trial


class Sql(Damage, abstract=True):
    """The dump is one of the same database, after some statements.

    Attributes:
        sql: the statements.
        options: of pg_dump.
    """

    stores: ClassVar[tuple[str, ...]] = (DUMP,)
    sql: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = ()

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        live = trial.live
        assert isinstance(live, LiveDump)
        name = type(self).__name__
        if name not in live.dumps:
            live.dumps[name] = self.dump(live)
        trial.put_file(live.dumps[name], consistent=consistent)

    def dump(self, live: LiveDump) -> bytes:
        """The damaged dump."""
        if not self.sql:
            return live.shop.dump(*self.options)
        with live.shop.altered(*self.sql):
            return live.shop.dump(*self.options)


class Rows(Sql, abstract=True):
    """Rows are others."""

    notices: ClassVar[tuple[str, ...]] = ("tables_differ",)


class MissingRows(Rows):
    """Some rows of a table are missing."""

    sql: ClassVar[tuple[str, ...]] = ("DELETE FROM shop.orders WHERE account_id = 7",)


class OneMissingRow(Rows):
    """One row of a table is missing."""

    sql: ClassVar[tuple[str, ...]] = ('DELETE FROM "Odd.Names"."Order.Items" WHERE "Key" = 20',)


class DuplicatedRows(Rows):
    """Rows of a table without a key are there twice."""

    sql: ClassVar[tuple[str, ...]] = ("INSERT INTO shop.west SELECT * FROM shop.west WHERE id < 3",)


class DuplicatedEvenly(Rows):
    """One row is there twice and another, equal in number, is not: there are as many rows as before."""

    sql: ClassVar[tuple[str, ...]] = (
        "INSERT INTO shop.west SELECT * FROM shop.west WHERE id = 1",
        "DELETE FROM shop.west WHERE id = 2",
    )


class EmptiedTable(Rows):
    """A table has no rows."""

    sql: ClassVar[tuple[str, ...]] = ("TRUNCATE shop.bookings",)


class MissingTable(Rows):
    """A table is missing."""

    sql: ClassVar[tuple[str, ...]] = ("DROP TABLE shop.west",)


class MissingEmptyTable(Sql):
    """A table that had no rows is missing."""

    notices: ClassVar[tuple[str, ...]] = ("tables_differ",)
    sql: ClassVar[tuple[str, ...]] = ("DROP TABLE shop.empty_one",)


class MissingPartition(Rows):
    """A partition is missing, with what was in it."""

    sql: ClassVar[tuple[str, ...]] = ("DROP TABLE shop.orders_2026",)


class SwappedTables(Rows):
    """Two tables of the same columns have each other's rows."""

    sql: ClassVar[tuple[str, ...]] = (
        "ALTER TABLE shop.east RENAME TO aside",
        "ALTER TABLE shop.west RENAME TO east",
        "ALTER TABLE shop.aside RENAME TO west",
    )


class SwappedValues(Rows):
    """Two rows have each other's values."""

    sql: ClassVar[tuple[str, ...]] = (
        "UPDATE shop.east SET v = CASE id WHEN 1 THEN 'east 2' ELSE 'east 1' END WHERE id IN (1, 2)",
    )


class ChangedValue(Rows):
    """One value of one row is another."""

    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.accounts SET tier = 'pro' WHERE id = 3",)


class NullForEmpty(Rows):
    """A value that was there is NULL."""

    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.orders SET note = NULL WHERE account_id = 7",)


class BrokenUnicode(Rows):
    """Letters beyond ASCII are question marks."""

    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.accounts SET name = translate(name, 'Üï', '??')",)


class ShiftedTime(Rows):
    """Timestamps are an hour off, as by a wrong time zone."""

    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.accounts SET created = created + interval '1 hour'",)


class RoundedNumber(Rows):
    """A floating-point number lost its last digits."""

    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.accounts SET ratio = round(ratio::numeric, 6) WHERE id = 11",)


class ChangedBytes(Rows):
    """One byte of a picture is another."""

    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.accounts SET picture = set_byte(picture, 0, 255) WHERE id = 12",)


class LostLargeObject(Rows):
    """A large object is missing."""

    sql: ClassVar[tuple[str, ...]] = ("SELECT lo_unlink(max(oid)) FROM pg_largeobject_metadata",)


class ChangedLargeObject(Rows):
    """A large object has another content."""

    sql: ClassVar[tuple[str, ...]] = ("SELECT lo_put(max(oid), 10, 'other') FROM pg_largeobject_metadata",)


class UnbalancedLedger(Sql):
    """An amount is another, so that the ledger does not sum to zero."""

    notices: ClassVar[tuple[str, ...]] = ("invariants_broken",)
    sql: ClassVar[tuple[str, ...]] = ("UPDATE shop.ledger SET amount = amount + 1 WHERE id = 9",)


class StaleMark(Sql):
    """The newest mark in the dump is older than what may be lost."""

    notices: ClassVar[tuple[str, ...]] = ("loss",)
    sql: ClassVar[tuple[str, ...]] = ("UPDATE tminus.marker SET at = at - interval '3 hours'",)


class LostMark(Sql):
    """The marks are gone: what would be lost cannot be told, and the table differs."""

    notices: ClassVar[tuple[str, ...]] = ("tables_differ",)
    sql: ClassVar[tuple[str, ...]] = ("TRUNCATE tminus.marker",)


class NoData(Rows):
    """The schema was dumped, and no data."""

    options: ClassVar[tuple[str, ...]] = ("--schema-only",)


class NoDataOfOne(Rows):
    """The dump leaves out the data of one table."""

    options: ClassVar[tuple[str, ...]] = ("--exclude-table-data=shop.ledger",)


class NoLargeObjects(Rows):
    """The dump leaves out large objects."""

    options: ClassVar[tuple[str, ...]] = ("--no-large-objects",)


class NoSchema(Rows):
    """The dump leaves out one schema of the database."""

    options: ClassVar[tuple[str, ...]] = ('--exclude-schema="Odd.Names"',)
