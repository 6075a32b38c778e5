"""Whatever is said, Slack takes it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal.block_kit_check import message_mistakes
from tminus.messages.block_kit import header, sections
from tminus.quantity import Quantity


class TestBlockKit:
    """Whatever is said, Slack takes it."""

    @given(text=st.text(alphabet=st.sampled_from("ab <&>\n*é\U0001f680"), max_size=9000))
    def test_any_text_fits_into_sections(self, text: str) -> None:
        """However long, and with whatever in it; nothing of it is markup that pings or links."""
        blocks = [*sections(text), header(text or "-")]
        assert message_mistakes(json.loads(json.dumps(blocks))) == []
        assert "<" not in json.dumps(sections(text))

    @given(lines=st.lists(st.text(alphabet="abc <", min_size=1, max_size=80), max_size=60))
    def test_nothing_is_lost_where_it_fits(self, lines: list[str]) -> None:
        """A brief of some screens is shown whole, in several sections."""
        text = "\n".join(lines)
        shown = "\n".join(str(block["text"]["text"]) for block in sections(text))  # type: ignore[index,call-overload]
        assert shown.replace("&lt;", "<").split() == (text.split() or ["-"])

    def test_an_expectation_stays_readable(self) -> None:
        """`< 200 ms` is a text and not the beginning of a link."""
        (block,) = sections(f"p95 {Quantity.parse('300 ms')}, expected < 200 ms & > 0")
        assert block["text"] == {"type": "mrkdwn", "text": "p95 300 ms, expected &lt; 200 ms &amp; &gt; 0"}
