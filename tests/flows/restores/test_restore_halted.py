"""Trading halted where nothing answers that could say so: by a word that a second person approved, never without."""

import pytest

from flows.restore_asking import ask
from flows.restore_stages import attested
from tests.flows.restores.desk import STORE, Desk
from tests.flows.restores.test_restore_asked import desk, planned, store  # noqa: F401 - fixtures
from tminus import events as ev
from tminus.errors import Refused
from tminus.ledger.store import Store
from tminus.outcome import Outcome, Verdict
from tminus.personal_key import PersonalKey
from tminus.restores.papers import Papers
from tminus.restores.standing import Restoring
from tminus.restores.telling import way_said

WORD = "Railway is down, and so is every service; the load balancer answers with its page"


def approved(at: Desk, ledger: Store, halted: str = "") -> str:
    """A restore that was asked for with that word, and approved; its chain."""
    papers = Papers.read(*(at.folder / f"{name}.yaml" for name in ("backups", "people", "environment")))
    chain = ask(ledger, papers, planned(), PersonalKey(at.folder / "asker"), "gone", "gone anyway", halted)
    assert at.approved(chain).exit_code == 0
    return chain


def test_a_word_counts_only_where_nothing_answers(desk: Desk, store: Store) -> None:  # noqa: F811 - fixtures
    """Against a check that says that somebody trades it is nothing; and nobody's word is none."""
    restoring = Restoring.read(store, approved(desk, store, WORD))
    silent = Outcome.unknown("railway did not answer")
    came = attested(silent, restoring)
    assert came.verdict is Verdict.PASS
    assert WORD in came.summary
    assert "railway did not answer" in came.summary
    assert "attested by lead" in came.summary.lower()
    assert attested(Outcome.failed("somebody trades"), restoring).verdict is Verdict.FAIL


def test_without_a_word_it_waits_and_says_how_to_go_on(desk: Desk, store: Store) -> None:  # noqa: F811 - fixtures
    """Exit 3, nothing done; what is then typed is in the sentence."""
    approved(desk, store)
    stopped = desk.restore("--resume")
    assert stopped.exit_code == 3
    assert "ask again with `--halted WHY`" in stopped.output
    assert desk.holder() is not None


def test_with_it_the_record_says_whose_word_it_was(desk: Desk, store: Store) -> None:  # noqa: F811 - fixtures
    """It goes on from there; that the rest of this place leads nowhere is another matter."""
    chain = approved(desk, store, WORD)
    [asked] = [one for one in desk.events(chain) if isinstance(one, ev.AskOpened)]
    assert WORD in asked.facts.values()
    desk.restore("--resume")
    ended = {one.step: one.outcome for one in desk.events(chain) if isinstance(one, ev.StepEnded)}
    assert ended["halted"].verdict is Verdict.PASS
    assert WORD in ended["halted"].summary
    assert "save" in ended


def test_whoever_is_asked_reads_it() -> None:
    """In a line of its own, before anything that is done; without a word there is none."""
    attests, *_ = way_said(["renames"], "", WORD)
    assert attests.endswith(f"whoever approves attests that nobody trades: {WORD}")
    assert not any("attests" in line for line in way_said(["renames"], ""))


@pytest.mark.parametrize("doing", ["--resume", "--give-up", "--undo"])
def test_later_it_is_refused(desk: Desk, doing: str) -> None:  # noqa: F811 - a fixture
    """Whoever approved did not see it."""
    assert desk.restore(STORE, doing, "--halted", WORD, key="asker").exit_code == 2


def test_the_word_is_part_of_what_is_approved(desk: Desk, store: Store) -> None:  # noqa: F811 - fixtures
    """One that was put in afterwards is not what people said yes to."""
    restoring = Restoring.read(store, approved(desk, store))
    book = desk.opened().book
    restoring.require_approved(book)
    changed = restoring.planned.model_copy(update={"halted": WORD})
    with pytest.raises(Refused, match="is not what is planned"):
        Restoring(restoring.frozen, changed, restoring.book).require_approved(book)
