"""What differs between a database as it was backed up and as it came back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus.backups.contents import PostgresContents, TableContents
from tminus.backups.differences import (
    extension_versions,
    lost_constraints,
    schema_differences,
    sequence_differences,
    table_differences,
)

LINES = {
    "columns": ("public.orders.id: bigint NOT NULL", "public.orders.price: numeric(12,2) DEFAULT 0"),
    "constraints": ("public.orders orders_pkey: PRIMARY KEY (id)", "public.orders positive: CHECK ((price > 0))"),
    "owners": ("table public.orders: shop",),
    "roles": ("shop: login",),
    "extension versions": ("pg_trgm: 1.6",),
}


def contents(lines: dict[str, tuple[str, ...]] | None = None, **fields: object) -> PostgresContents:
    """A database with two columns."""
    plain: dict[str, object] = {"schema_lines": lines or LINES, "tables": {}, "sequences": {}, "encoding": "UTF8 C C c"}
    return PostgresContents.model_validate({**plain, **fields})


def changed(section: str, *lines: str) -> PostgresContents:
    """The same, with one section's lines as given."""
    return contents({**LINES, section: lines})


def test_the_same_differs_in_nothing() -> None:
    """Neither its schema nor its tables nor its sequences."""
    assert schema_differences(contents(), contents()) == []
    assert lost_constraints(contents(), contents()) == []


BROUGHT = {
    "schemas": ("public",),
    "owners": ("schema public: pg_database_owner",),
    "privileges": ("schema public to PUBLIC: USAGE", "schema public to pg_database_owner: CREATE, USAGE"),
    "extensions": ("plpgsql: in pg_catalog",),
}
SHOP = {"schemas": ("shop",), "owners": ("schema shop: shop",), "extensions": (), "privileges": ()}


def test_what_every_new_database_has_is_no_difference() -> None:
    """No dump says that the schema public or plpgsql was dropped, so a restored copy has them, empty."""
    came = contents({name: (*SHOP[name], *lines) for name, lines in BROUGHT.items()})
    assert schema_differences(contents(SHOP), came) == []
    assert len(schema_differences(contents(SHOP), came, ignoring=())) == 5  # a base backup does say so


def test_what_is_in_them_or_was_there_before_is_one() -> None:
    """Anything in that schema, and anything else of it where the manifest lists it."""
    more = {**BROUGHT, "relations": ("public.extra: table",), "owners": ("schema public: x", "table public.extra: x")}
    assert schema_differences(contents(SHOP | {"schemas": ()}), contents(more)) == [
        "owners: schema shop is missing",
        "owners: table public.extra is there, and was not",
        "relations: public.extra is there, and was not",
    ]
    less = contents({**BROUGHT, "schemas": (), "extensions": ()})
    assert schema_differences(contents(BROUGHT), less) == [
        "extensions: plpgsql is missing",
        "schemas: public is missing",
    ]
    granted = contents({**BROUGHT, "privileges": (*BROUGHT["privileges"], "schema public to bob: CREATE")})
    assert schema_differences(contents(BROUGHT), granted) == ["privileges: schema public to bob is there, and was not"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (changed("columns", LINES["columns"][0]), "columns: public.orders.price is missing"),
        (changed("columns", *LINES["columns"], "public.x.y: int"), "columns: public.x.y is there, and was not"),
        (
            changed("columns", LINES["columns"][0], "public.orders.price: numeric(12,2)"),
            "columns: public.orders.price is another",
        ),
        (changed("owners", "table public.orders: postgres"), "owners: table public.orders is another"),
        (contents(encoding="SQL_ASCII C C c"), "encoding was UTF8 C C c, is SQL_ASCII C C c"),
    ],
    ids=["missing", "new", "changed", "owner", "encoding"],
)
def test_an_object_that_differs_counts_once(found: PostgresContents, said: str) -> None:
    """Missing, new or changed: one line that names it, without what its definition says."""
    assert schema_differences(contents(), found) == [said]


def test_what_a_dump_does_not_decide_is_no_difference() -> None:
    """Roles and the versions of extensions; the latter are told."""
    found = contents({**LINES, "roles": (), "extension versions": ("pg_trgm: 1.7",)})
    assert schema_differences(contents(), found) == []
    assert schema_differences(contents(), found, ignoring=()) != []
    [said] = extension_versions(contents(), found)
    assert "pg_trgm is 1.7 here, and was 1.6" in said


def test_a_constraint_that_is_not_enforced_is_lost() -> None:
    """Missing, or not validated: both. One that is new is no lost one."""
    missing = changed("constraints", LINES["constraints"][0])
    unproven = changed("constraints", LINES["constraints"][0], f"{LINES['constraints'][1]} NOT VALID")
    added = changed("constraints", *LINES["constraints"], "public.orders more: CHECK (true)")
    assert lost_constraints(contents(), missing) == ["constraint public.orders positive is missing"]
    assert lost_constraints(contents(), unproven) == ["constraint public.orders positive is another"]
    assert lost_constraints(contents(), added) == []


def test_tables_are_told_apart_by_rows_and_by_values() -> None:
    """Lost, added, missing and new ones, and as many rows with other values."""
    wanted = {name: TableContents(rows=3, checksum="5") for name in ("a", "b", "c", "same")}
    found = {
        "a": TableContents(rows=2, checksum="4"),
        "b": TableContents(rows=3, checksum="6"),
        "same": wanted["same"],
        "d": TableContents(rows=0, checksum="0"),
    }
    said = table_differences(wanted, found)
    assert [line.partition(" ")[2].partition(" ")[0] for line in said] == ["a", "b", "c", "d"]
    assert said[1].endswith("other values in them")


@pytest.mark.parametrize(
    ("value", "was", "upto", "same"),
    [
        (7, 7, None, True),
        (8, 7, None, False),
        (None, 7, None, False),
        (None, None, None, True),
        (1, None, None, False),
        (9, 7, 12, True),
        (13, 7, 12, False),
        (6, 7, 12, False),
        (-9, -7, -12, True),
        (-6, -7, -12, False),
        (None, None, 5, True),
        (3, None, 5, True),
        (6, None, 5, False),
        (None, 7, 12, False),
    ],
)
def test_a_sequence_is_where_it_was_or_on_its_way(
    value: int | None, was: int | None, upto: int | None, same: bool
) -> None:
    """No snapshot holds for sequences: between where it was before and after the dump is right, in either direction."""
    wanted = contents(sequences={"s": was}, sequences_upto={} if upto is None else {"s": upto})
    assert (sequence_differences(wanted, {"s": value}) == []) is same


def test_a_sequence_that_is_gone_or_new_differs() -> None:
    """Each is named."""
    assert sequence_differences(contents(sequences={"s": 1}), {}) == ["sequence s is missing"]
    assert sequence_differences(contents(), {"s": 1}) == ["sequence s is there, and was not"]


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_sequence_of_64_bits_survives_its_manifest(value: int) -> None:
    """JSON's numbers would not hold all of them."""
    one = contents(sequences={"s": value}, sequences_upto={"s": value})
    assert PostgresContents.model_validate_json(one.model_dump_json()) == one


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), unique_by=lambda one: one[0]))
def test_no_change_to_tables_goes_unseen(pairs: list[tuple[str, int]]) -> None:
    """Whatever tables there are: another count or checksum of one of them is one line."""
    wanted = {name: TableContents(rows=rows, checksum=str(rows)) for name, rows in pairs}
    assert table_differences(wanted, wanted) == []
    for name, one in wanted.items():
        assert len(table_differences(wanted, {**wanted, name: one.model_copy(update={"checksum": "x"})})) == 1
        assert len(table_differences(wanted, {key: value for key, value in wanted.items() if key != name})) == 1
