"""Base backups with damage in a page of a table, an index or TOAST, with a checksum that tells it and with a valid one.

Where damage is consistent, pg_basebackup's own manifest agrees with it as well.
"""

import struct
from abc import abstractmethod
from typing import ClassVar

from bench.backups_gauntlet.base_copy import BaseCopy
from bench.backups_gauntlet.damage import BASE, Damage
from bench.backups_gauntlet.trial import Trial
from tests.tasks.backups.base.damages import PAGE, Copy

_TABLE = ("tables_differ",)
_INDEX = ("indexes_broken",)
_SUMMED = ("files_corrupt", "indexes_broken")
_HEADER = 24  # bytes of a page before its item pointers


class Page(Damage, abstract=True):
    """One page of a relation is another.

    Attributes:
        relation: whose; that of its TOAST where it ends with `.toast`.
        block: which page.
        valid: whether the page's checksum is made to fit.
    """

    stores: ClassVar[tuple[str, ...]] = (BASE,)
    relation: ClassVar[str] = "documents"
    block: ClassVar[int] = 0
    valid: ClassVar[bool] = False

    @abstractmethod
    def change(self, page: bytearray) -> None:
        """Damages it, in place."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        base = BaseCopy(trial)
        copy = base.files
        copy.page(copy.path(_name(copy, self.relation)), self.block, self.change, valid=self.valid)
        base.pack(consistent=consistent)


def _name(copy: Copy, relation: str) -> str:
    return copy.toast(relation.removesuffix(".toast")) if relation.endswith(".toast") else relation


def _item(page: bytearray, number: int) -> int:
    """Where an item begins: https://www.postgresql.org/docs/current/storage-page-layout.html."""
    [pointer] = struct.unpack_from("<I", page, _HEADER + 4 * (number - 1))
    return int(pointer & 0x7FFF)


def _flip(page: bytearray, item: int, at: int) -> None:
    page[_item(page, item) + at] ^= 0x01


def _unuse(page: bytearray, item: int) -> None:
    struct.pack_into("<I", page, _HEADER + 4 * (item - 1), 0)


class FlippedRow(Page):
    """A bit of a row is another."""

    notices: ClassVar[tuple[str, ...]] = _TABLE

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 1, 24)


class ChangedRowValidly(FlippedRow):
    """A row has another value, and its page's checksum is valid."""

    valid: ClassVar[bool] = True


class LostRowValidly(Page):
    """A row is gone from its page, and the page's checksum is valid."""

    notices: ClassVar[tuple[str, ...]] = _TABLE
    valid: ClassVar[bool] = True

    def change(self, page: bytearray) -> None:
        """See Page."""
        _unuse(page, 1)


class DuplicatedRowValidly(Page):
    """A row is there twice in its page instead of another, and the page's checksum is valid."""

    notices: ClassVar[tuple[str, ...]] = _TABLE
    valid: ClassVar[bool] = True

    def change(self, page: bytearray) -> None:
        """See Page."""
        [first] = struct.unpack_from("<I", page, _HEADER)
        struct.pack_into("<I", page, _HEADER + 4, first)


class FlippedPageHeader(Page):
    """A page's header says that it has fewer rows."""

    notices: ClassVar[tuple[str, ...]] = _TABLE

    def change(self, page: bytearray) -> None:
        """See Page."""
        [lower] = struct.unpack_from("<H", page, 12)
        struct.pack_into("<H", page, 12, lower - 8)


class ChangedPageHeaderValidly(FlippedPageHeader):
    """A page's header says that it has fewer rows, and its checksum is valid."""

    valid: ClassVar[bool] = True


class ZeroedPage(Page):
    """A page of a table is zeros: it counts as new, and its rows are gone without an error."""

    notices: ClassVar[tuple[str, ...]] = _TABLE

    def change(self, page: bytearray) -> None:
        """See Page."""
        page[:] = bytes(PAGE)


class FlippedToast(Page):
    """A bit of a large value is another."""

    notices: ClassVar[tuple[str, ...]] = _TABLE
    relation: ClassVar[str] = "documents.toast"

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 1, 60)


class ChangedToastValidly(FlippedToast):
    """A large value is another, and its page's checksum is valid."""

    valid: ClassVar[bool] = True


class ZeroedToast(Page):
    """A page of large values is zeros."""

    notices: ClassVar[tuple[str, ...]] = _TABLE
    relation: ClassVar[str] = "documents.toast"

    def change(self, page: bytearray) -> None:
        """See Page."""
        page[:] = bytes(PAGE)


class FlippedIndex(Page):
    """A bit of an index is another."""

    notices: ClassVar[tuple[str, ...]] = _INDEX
    relation: ClassVar[str] = "documents_pkey"
    block: ClassVar[int] = 1

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 5, 8)


class ReorderedIndexValidly(FlippedIndex):
    """An index is out of order, and its page's checksum is valid."""

    valid: ClassVar[bool] = True

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 5, 9)


class LostIndexEntryValidly(FlippedIndex):
    """An index lacks a row, and its page's checksum is valid: a search does not find what is there."""

    valid: ClassVar[bool] = True

    def change(self, page: bytearray) -> None:
        """See Page."""
        _unuse(page, 1)


class ZeroedIndex(FlippedIndex):
    """A page of an index is zeros."""

    def change(self, page: bytearray) -> None:
        """See Page."""
        page[:] = bytes(PAGE)


class FlippedGin(Page):
    """A bit of a GIN index is another."""

    notices: ClassVar[tuple[str, ...]] = _SUMMED
    relation: ClassVar[str] = "documents_by_tag"
    block: ClassVar[int] = 1

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 1, 8)


class FlippedGist(FlippedGin):
    """A bit of a GiST index is another."""

    relation: ClassVar[str] = "documents_by_span"


class FlippedHash(FlippedGin):
    """A bit of a hash index is another."""

    relation: ClassVar[str] = "documents_by_hash"


class FlippedCatalogue(Page):
    """A bit of the catalogue of tables is another."""

    notices: ClassVar[tuple[str, ...]] = ("restored", "schema_differs", "tables_differ")
    relation: ClassVar[str] = "pg_class"

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 1, 60)


class ReorderedCatalogueIndexValidly(FlippedIndex):
    """An index of the catalogue is out of order, and its page's checksum is valid."""

    relation: ClassVar[str] = "pg_catalog.pg_amop_opr_fam_index"
    valid: ClassVar[bool] = True

    def change(self, page: bytearray) -> None:
        """See Page."""
        _flip(page, 5, 9)
