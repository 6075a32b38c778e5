"""Every launch in a ledger, at a glance."""

from pathlib import Path

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import created, scrubbed
from tminus import events as ev
from tminus.launches import list_launches
from tminus.ledger.logbook import DIRECTORY
from tminus.ledger.store import Entry


def test_launches_are_listed_and_other_chains_are_not(tmp_path: Path) -> None:
    """Under way and over, the latest first; the directory and a chain of another kind are left out."""
    over = scrubbed(tmp_path)
    over.store.close()
    story = Story.begin(tmp_path, launch="tradesense-2-0-1-1")
    story.store.open_chain(DIRECTORY)
    story.store.open_chain("strange")
    entry = ev.DirectoryEntry(chain="tradesense-2-0-1-1", what="opened", head="x")
    story.store.append(Entry(DIRECTORY, ev.write(entry)), Entry("strange", '{"type":"something of its own"}'))
    found = {line.launch: line for line in list_launches(story.store)}
    assert set(found) == {"tradesense-2-0-0-1", "tradesense-2-0-1-1"}
    assert found["tradesense-2-0-0-1"].result == "scrubbed"
    assert found["tradesense-2-0-1-1"].result is None
    story.store.close()


def test_a_closing_is_found_though_something_follows_it(tmp_path: Path) -> None:
    """A head that is anchored after the end does not make the launch look alive."""
    story = created(tmp_path)
    story.close("scrubbed", "SCRUBBED.")
    story.write(ev.HeadAnchored(seq=6, hash="0" * 64, where="s3"))
    assert [line.sentence for line in list_launches(story.store)] == ["SCRUBBED."]
    story.store.close()
