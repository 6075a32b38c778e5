"""What a note says: its first word decides whether it is a hold, a no, something that is answered, or only a note."""

import pytest

from tests.tminus.staged_launch import LAUNCH
from tminus.pagerduty_payload import said_in


class TestWhatANoteSays:
    """Its first word decides."""

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            ("hold", "hold"),
            ("Hold: the queue grows", "hold"),
            ("tminus hold L --reason the queue grows", "hold"),
            ("reject", "reject"),
            ("REJECT too risky", "reject"),
            ("no", "reject"),
            ("No.", "reject"),
            ("nogo", "reject"),
            ("no, the queue grows", "neither"),
            ("No: the db is broken", "neither"),
            ("no!!! stop", "neither"),
            ("no, no go", "neither"),
            ("No, go", "neither"),
            ("no - go", "neither"),
            ("No, all fine, go ahead", "neither"),
            ("No, go ahead", "neither"),
            ("no go ahead", "neither"),
            ("no-go ahead", "neither"),
            ("No-go, ahead of us is the market", "neither"),
            ("no \N{EM DASH} all fine", "neither"),
            ("Rejected", "neither"),
            ("Rejected connections on db-1 again", "neither"),
            ("no because?", "neither"),
            ("no since?", "neither"),
            ("no go for launch? ask", "neither"),
            ("reject it?", "neither"),
            ("hold it?", "neither"),
            ("Hold\nare you there?", "hold"),
            ("no-go. Does anybody see it?", "reject"),
            ("reject because it is late, right?", "reject"),
            ("hold L --reason is it late?", "hold"),
            ("no go?", None),
            ("no ?", None),
            ("no - because of the queue", "reject"),
            ("No, since the queue grows", "reject"),
            ("no-go", "reject"),
            ("no go today", "reject"),
            ("no because of the queue", "reject"),
            ("no idea what broke", "neither"),
            ("nobody is hurt", None),
            ("on hold?", None),
            ("hold?", None),
            ("no?", None),
            ("No-go?!", None),
            ("Tminus hold", "hold"),
            ("TMINUS no", "reject"),
            ("", None),
            ("tminus", None),
            ("tminus: Recorded: DevOps lead holds L.", None),
            ("we approve", None),
            ("approve", "neither"),
            ("Approved!", "neither"),
            ("tminus approve L --ask go --digest 123456", "neither"),
            ("go", "neither"),
            ("GO GO GO", "neither"),
            ("yes", "neither"),
            ("lgtm", "neither"),
            ("resume", "neither"),
            ("rollback now", "neither"),
        ],
    )
    def test_the_first_word(self, content: str, what: str | None) -> None:
        """A note that only talks is left alone; what wants more than a hold or a no, or may mean one, is answered."""
        said = said_in(content)
        assert (said.what if said else None) == what

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("hold the queue grows", "the queue grows"),
            (f"hold {LAUNCH} the queue grows", "the queue grows"),
            (f"tminus hold {LAUNCH} --reason the queue grows", "the queue grows"),
            ("hold", ""),
        ],
    )
    def test_the_reason_is_the_rest(self, content: str, reason: str) -> None:
        """Without the launch and without what a command line wants."""
        said = said_in(content)
        assert said is not None
        assert said.reason(LAUNCH) == reason
