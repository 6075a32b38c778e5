"""Every launch in a ledger, at a glance."""

from pathlib import Path

from tests.tminus.launch_story import LAUNCH, Story
from tests.tminus.told_launches import created, scrubbed
from tminus import events as ev
from tminus.chain_names import sign_off_chain
from tminus.launches import list_launches
from tminus.ledger.store import Entry


def test_launches_are_listed_and_other_chains_are_not(tmp_path: Path) -> None:
    """Under way and over, the latest first; the directory and a chain of another kind are left out."""
    over = scrubbed(tmp_path)
    over.store.close()
    story = Story.begin(tmp_path, launch="tradesense-2-0-1-1")
    story.store.open_chain("strange")
    story.store.append(Entry("strange", '{"type":"something of its own"}'))
    found = {line.launch: line for line in list_launches(story.store)}
    assert set(found) == {"tradesense-2-0-0-1", "tradesense-2-0-1-1"}
    assert found["tradesense-2-0-0-1"].result == "scrubbed"
    assert found["tradesense-2-0-1-1"].result is None
    story.store.close()


def test_a_sign_off_is_no_launch(tmp_path: Path) -> None:
    """It begins like one, has no T-0 of its own, and never ends."""
    story = created(tmp_path)
    chain = sign_off_chain("tradesense", story.frozen.created.digests)
    story.store.open_chain(chain, Entry(chain, ev.write(story.frozen.created.model_copy(update={"launch": chain}))))
    assert [line.launch for line in list_launches(story.store)] == [LAUNCH]
    story.store.close()


def test_a_closing_is_found_however_much_follows_it(tmp_path: Path) -> None:
    """What people still say to a launch that is over does not make it look alive."""
    story = created(tmp_path)
    story.close("scrubbed", "SCRUBBED.")
    for _ in range(20):
        story.write(ev.AnswerRefused(who="devops-1", what="hold", why="the launch is over", via="slack"))
    assert [line.sentence for line in list_launches(story.store)] == ["SCRUBBED."]
    story.store.close()


def test_an_end_that_cannot_be_read_hides_no_other_launch(tmp_path: Path) -> None:
    """Whoever changed the ledger by hand is told which launch to verify; the others are listed as they are."""
    broken = created(tmp_path)
    broken.close("scrubbed", "SCRUBBED.")
    end = {"chain": LAUNCH, "seq": broken.record.seq}
    broken.store.run("UPDATE event SET body = '{}' WHERE chain = :chain AND seq = :seq", end)
    broken.store.close()
    story = Story.begin(tmp_path, launch="tradesense-2-0-1-1")
    found = {line.launch: line for line in list_launches(story.store)}
    assert (found[LAUNCH].result, found[LAUNCH].sentence) == (
        None,
        f"It is over, and how cannot be read; `tminus ledger verify {LAUNCH}` says why.",
    )
    assert found["tradesense-2-0-1-1"].sentence is None
    story.store.close()
