"""Whether a WAL segment's pages are what its name says: their magic number, timeline, place, and whose they are.

A page begins with XLogPageHeaderData, a segment's first one with XLogLongPageHeaderData:
https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/access/xlog_internal.h. Numbers are in the byte
order of the machine that wrote them, which is the only one that can recover from them.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from tminus.backups.wal_names import Segment, is_segment
from tminus.errors import CouldNotObserve

_SHORT = struct.Struct("=HHIQI4x")  # magic, info, timeline, place, bytes left of a record from before
_LONG = struct.Struct("=QII")  # system identifier, bytes of a segment, bytes of a page
_RECORD = struct.Struct("=IIQ")  # a record's length, transaction, and where the one before it begins
_LONGEST = 1020 * 1024 * 1024  # bytes of a record (XLogRecordMaxSize)
_IS_LONG = 0x0002  # XLP_LONG_HEADER
_EMPTY = bytes(_SHORT.size)


@dataclass(frozen=True)
class SegmentHead:
    """What a segment's first page says: whose WAL it is, and how large its segments and pages are, in bytes."""

    system: str
    timeline: int
    size: int
    page: int


def examine(name: str, content: BinaryIO) -> SegmentHead | None:
    """Reads every page's header of a segment, once, from where it stands; None where the name is no segment's.

    Raises CouldNotObserve where a page is of another place, of a later timeline than the name's, or of no WAL at all.
    A page of zeros is what a segment has that was closed before it was full.
    """
    if not is_segment(name):
        return None
    magic, info, timeline, place, _ = _SHORT.unpack(_exactly(content, _SHORT.size, name))
    system, size, page = _LONG.unpack(_exactly(content, _LONG.size, name))
    named = Segment.parse(name, size) if size and size & (size - 1) == 0 else None
    if not info & _IS_LONG or named is None or page < _SHORT.size + _LONG.size or size % page:
        raise CouldNotObserve(f"the WAL segment {name} does not begin as a segment does: it is damaged, or is none")
    if place != named.number * size or timeline > named.timeline:
        raise CouldNotObserve(f"{name} is not what its name says: {_of(place, timeline)}")
    _exactly(content, page - _SHORT.size - _LONG.size, name)
    for at in range(page, size, page):
        one = _exactly(content, page, name)
        if one.startswith(_EMPTY):
            continue
        found, _, of, place, _ = _SHORT.unpack_from(one)
        if found != magic or of > named.timeline or place != named.number * size + at:
            raise CouldNotObserve(f"{name} is damaged {at} bytes in: {_of(place, of)}")
    if content.read(1):
        raise CouldNotObserve(f"the WAL segment {name} is longer than the {size} bytes of a segment")
    return SegmentHead(str(system), timeline, size, page)


def _exactly(content: BinaryIO, count: int, name: str) -> bytes:
    found = content.read(count)
    if len(found) != count:
        raise CouldNotObserve(f"the WAL segment {name} is cut off")
    return found


def _of(place: int, timeline: int) -> str:
    return f"a page in it says that it is of {place >> 32:X}/{place & 0xFFFFFFFF:X} on timeline {timeline}"


def ends_whole(name: str, content: BinaryIO, position: int) -> bool:
    """Whether the WAL of a complete segment can end at a position: at its end, or before a record that goes beyond it.

    A segment is archived once it is full, or was closed by a record that reaches to its end. So where recovery stopped
    within it, what follows is a record that is continued in the next segment; anything else is damage at which recovery
    ended as if there were no more. A record begins with its length (XLogRecord in access/xlogrecord.h).
    """
    magic = content.read(_SHORT.size + _LONG.size)
    if len(magic) < _SHORT.size + _LONG.size:
        return False
    _, size, page = _LONG.unpack_from(magic, _SHORT.size)
    named = Segment.parse(name, size) if size and size & (size - 1) == 0 else None
    if named is None or page == 0 or not named.number * size <= position <= (named.number + 1) * size:
        return False
    at = position - named.number * size
    if at == size:
        return True
    if at % page == 0:
        at += _SHORT.size + (_LONG.size if at == 0 else 0)
    content.seek(at)
    head = content.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return True  # not even its beginning fits
    length, _, before = _RECORD.unpack(head)
    following = (size - at - 1) // page  # pages after this one, each with a header of its own
    return bool(length > size - at - following * _SHORT.size and length <= _LONGEST and before < position)
