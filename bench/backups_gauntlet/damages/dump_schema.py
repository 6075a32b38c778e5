"""Dumps whose rows are right and whose schema is not: each restores without an error."""

from typing import ClassVar

from bench.backups_gauntlet.damages.dump_data import Sql

_KEY = "FOREIGN KEY (account_id) REFERENCES shop.accounts"


class Schema(Sql, abstract=True):
    """What the catalogue says is another."""

    notices: ClassVar[tuple[str, ...]] = ("schema_differs",)


class Constraint(Sql, abstract=True):
    """What a constraint guaranteed is not guaranteed."""

    notices: ClassVar[tuple[str, ...]] = ("constraints_broken",)


class DroppedCheck(Constraint):
    """A CHECK constraint is gone."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.ledger DROP CONSTRAINT known",)


class DroppedForeignKey(Constraint):
    """A foreign key is gone."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.ledger DROP CONSTRAINT ledger_account_id_fkey",)


class UnvalidatedForeignKey(Constraint):
    """A foreign key is there, and was never validated."""

    sql: ClassVar[tuple[str, ...]] = (
        "ALTER TABLE shop.ledger DROP CONSTRAINT ledger_account_id_fkey",
        f"ALTER TABLE shop.ledger ADD CONSTRAINT ledger_account_id_fkey {_KEY} NOT VALID",
    )


class DroppedUnique(Constraint):
    """A column need not be unique any more."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.accounts DROP CONSTRAINT accounts_email_key",)


class DroppedExclusion(Constraint):
    """Bookings may overlap: the exclusion constraint is gone."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.bookings DROP CONSTRAINT bookings_room_during_excl",)


class NullableColumn(Schema):
    """A column that must have a value need not have one any more."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.accounts ALTER email DROP NOT NULL",)


class LostDefault(Schema):
    """A column lost its default."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.accounts ALTER tier DROP DEFAULT",)


class WidenedColumn(Schema):
    """A column is of another type that holds the same values."""

    sql: ClassVar[tuple[str, ...]] = ('ALTER TABLE "Odd.Names"."Order.Items" ALTER "Key" TYPE bigint',)


class LostIndex(Schema):
    """An index is gone."""

    sql: ClassVar[tuple[str, ...]] = ("DROP INDEX shop.accounts_expr",)


class LostSequence(Sql):
    """A sequence is gone."""

    notices: ClassVar[tuple[str, ...]] = ("sequences_differ",)
    sql: ClassVar[tuple[str, ...]] = ("DROP SEQUENCE shop.tickets",)


class SequenceSetBack(Sql):
    """A sequence begins anew, and will hand out numbers that were handed out."""

    notices: ClassVar[tuple[str, ...]] = ("sequences_differ",)
    sql: ClassVar[tuple[str, ...]] = ("ALTER SEQUENCE shop.tickets RESTART",)


class IdentitySetBack(Sql):
    """The sequence behind a key is one step behind."""

    notices: ClassVar[tuple[str, ...]] = ("sequences_differ",)
    sql: ClassVar[tuple[str, ...]] = ("SELECT setval('shop.accounts_id_seq', 299)",)


class WrongOwner(Schema):
    """A table belongs to somebody else."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.ledger OWNER TO postgres",)


class EverythingTheSuperusers(Schema):
    """Everything belongs to the superuser."""

    # It takes every database of the role along, so also the one that is put aside meanwhile.
    sql: ClassVar[tuple[str, ...]] = ("REASSIGN OWNED BY shop TO postgres", "ALTER DATABASE shop_kept OWNER TO shop")


class LostGrant(Schema):
    """A role lost a privilege."""

    sql: ClassVar[tuple[str, ...]] = ('REVOKE SELECT ON shop.accounts FROM "Shop Reader"',)


class NoGrants(Schema):
    """The dump leaves out all privileges."""

    options: ClassVar[tuple[str, ...]] = ("--no-privileges",)


class WiderGrant(Schema):
    """Everybody may read what two roles might."""

    sql: ClassVar[tuple[str, ...]] = ("GRANT SELECT ON shop.ledger TO PUBLIC",)


class NoRowSecurity(Schema):
    """Row security is switched off for a table."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.accounts DISABLE ROW LEVEL SECURITY",)


class LostPolicy(Schema):
    """A policy of row security is gone."""

    sql: ClassVar[tuple[str, ...]] = ("DROP POLICY strict ON shop.accounts",)


class ChangedFunction(Schema):
    """A function does something else."""

    sql: ClassVar[tuple[str, ...]] = (
        "CREATE OR REPLACE FUNCTION shop.total(bigint) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT 0::numeric'",
    )


class ChangedView(Schema):
    """A view has another condition."""

    sql: ClassVar[tuple[str, ...]] = (
        "CREATE OR REPLACE VIEW shop.paid AS SELECT * FROM shop.orders WHERE state = 'sent'",
    )


class LostTrigger(Schema):
    """A trigger is gone."""

    sql: ClassVar[tuple[str, ...]] = ("DROP TRIGGER touched ON shop.orders",)


class DisabledTrigger(Schema):
    """A trigger is there, and switched off."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TABLE shop.orders_2026 DISABLE TRIGGER touched",)


class LostExtension(Schema):
    """An extension is gone, with what depends on it."""

    sql: ClassVar[tuple[str, ...]] = ("DROP EXTENSION pg_trgm CASCADE",)


class WidenedEnum(Schema):
    """A type has a value more than it had."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER TYPE shop.status ADD VALUE 'lost'",)


class LostPublication(Schema):
    """A publication is gone, so that who replicates gets nothing any more."""

    sql: ClassVar[tuple[str, ...]] = ("DROP PUBLICATION news",)


class LostSettings(Schema):
    """The database's own settings and privileges are gone."""

    sql: ClassVar[tuple[str, ...]] = ("ALTER DATABASE shop RESET ALL",)
