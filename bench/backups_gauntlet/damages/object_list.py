"""Backups of objects whose list is another; where that is consistent, the manifest says what the list is."""

from abc import abstractmethod
from typing import ClassVar

from bench.backups_gauntlet.damage import OBJECTS, Damage, Mode
from bench.backups_gauntlet.object_contents import Contents
from bench.backups_gauntlet.trial import Trial

_DIFFER = ("objects_differ",)
_KEY = "shop/invoice/003.txt"
_OTHER = "shop/invoice/004.txt"


class OfList(Damage, abstract=True):
    """The list is another."""

    stores: ClassVar[tuple[str, ...]] = (OBJECTS,)
    notices: ClassVar[tuple[str, ...]] = _DIFFER

    @abstractmethod
    def edit(self, contents: Contents) -> None:
        """Changes lines, in place."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        contents = Contents(trial)
        self.edit(contents)
        contents.relist(consistent=consistent)


class UnlistedObject(OfList):
    """The list lacks an object."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.lines.remove(contents.line(_KEY))


class ExtraObject(OfList):
    """The list names an object that was not there."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        at = contents.lines.index(contents.line(_KEY)) + 1
        contents.lines.insert(at, {**contents.line(_KEY), "key": f"{_KEY}.copy"})


class SwappedObjects(OfList):
    """Two objects have each other's contents."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        one, other = contents.line(_KEY), contents.line(_OTHER)
        for name in ("sha256", "size", "stored", "etag"):
            one[name], other[name] = other[name], one[name]


class RenamedObject(OfList):
    """An object has another key."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.line(_KEY)["key"] = f"{_KEY}.old"


class ListedVersion(OfList):
    """The list names another version of an object."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.line(_KEY)["version"] = contents.line(_OTHER)["version"]


class LostContentType(OfList):
    """An object lost its content type: a browser would show it as something else."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.line("shop/ünïcode/日本")["content_type"] = "text/html"


class LostMetadata(OfList):
    """An object lost its metadata, such as whose it is."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.line(_KEY)["metadata"] = {}


class ReorderedList(OfList):
    """The list is in another order than that of keys."""

    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.lines.reverse()


class RepeatedLine(OfList):
    """The list names an object twice."""

    notices: ClassVar[tuple[str, ...]] = ("restored",)

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        contents.lines.insert(0, contents.lines[0])


class ShrunkList(OfList):
    """The list ends after its half, neatly."""

    def edit(self, contents: Contents) -> None:
        """See OfList."""
        del contents.lines[len(contents.lines) // 2 :]


class RespacedList(OfList):
    """The list is written with another spacing."""

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    harmful: ClassVar[bool] = False

    def edit(self, contents: Contents) -> None:
        """See OfList. Members of a line are in another order, too."""
        contents.lines = [dict(reversed(one.items())) for one in contents.lines]
