"""What a rehearsal says of its rotation: a single refused log-in, or one that nobody saw but the server, is told."""

from collections import Counter

import pytest

from deployments.rehearsal import witness_count
from deployments.rehearsal.rotation_play import judged
from deployments.rehearsal.trading_logins import SHIPPED, USERS, book
from deployments.rehearsal.witness_count import Refusal, Sight
from tasks.rotators.vocabulary import ROTATORS
from tminus.rotations.book import SecretsBook, book_of

BOTH = Sight(log_ins=100, versions={"old", "new"}, first=1000.0, last=1005.0)
REFUSED = Refusal(
    1003.5, "rehearsal", "s", USERS[0], "old", "password", 0.4, "log-in", "password authentication failed"
)


def heard_of(*refusals: Refusal, sight: Sight = BOTH, whole: bool = True) -> witness_count.Testimony:
    """What the witness says."""
    return witness_count.Testimony({"rehearsal": sight}, refusals, whole)


def test_all_got_in() -> None:
    """Nothing is wrong; the sentence has the number, and what the server counted."""
    rotated = judged(heard_of(), Counter({"somebody_else": 3}), "")
    assert rotated.wrong == ()
    assert rotated.said.startswith("100 log-ins during the rotation, 0 refused (20 a second")
    assert "PostgreSQL's log counts 0 refusals" in rotated.said


def test_a_refused_log_in_is_named_with_where_to_look() -> None:
    """When, who, why and for how long it held the value; counted by the server too, it is told once."""
    rotated = judged(heard_of(REFUSED), Counter({USERS[0]: 1}), "")
    [wrong] = rotated.wrong
    assert "1 refused" in rotated.said
    assert "00:16:43.500000 a log-in of trading_a was refused (password: password authentication failed)" in wrong
    assert "held for 0.4 s: see servers-postgres-primary-log-*.json" in wrong


@pytest.mark.parametrize(
    ("heard", "logged", "failed", "said"),
    [
        (heard_of(), {USERS[1]: 2}, "", "other refusals than the witness (trading_b: +2)"),
        (heard_of(whole=False), {}, "", "the witness did not come to its end"),
        (heard_of(sight=Sight(log_ins=9, versions={"old"})), {}, "", "got in with 1 versions of the secret"),
        (heard_of(), {}, "create broke off", "create broke off"),
    ],
)
def test_what_would_make_the_number_hollow_is_told(
    heard: witness_count.Testimony, logged: dict[str, int], failed: str, said: str
) -> None:
    """Somebody else was refused, the witness was killed, one value alone was used, or nothing was rotated."""
    [wrong] = judged(heard, Counter(logged), failed).wrong
    assert said in wrong


def test_the_rehearsals_book_is_the_shipped_one_in_seconds() -> None:
    """The database's entry alone, with its rights to be proven; it is read as every book is."""
    own = book_of(ROTATORS).model_validate(book())
    assert isinstance(own, SecretsBook)
    assert list(own.rotations) == ["database"]
    assert own.rotations["database"].takes.total_seconds() < 10
    assert "cannot:" in SHIPPED.read_text("utf-8")
    assert own.rotations["database"].cannot
