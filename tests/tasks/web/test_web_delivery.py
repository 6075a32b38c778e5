"""What says that an answer comes from a cache."""

import pytest

from tests.tasks.web.conftest import Answering, Look
from tminus.outcome import Verdict


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("X-Cache", "HIT", "hit"),
        ("X-Cache", "Hit from cloudfront", "hit"),
        ("X-Cache", "RefreshHit from cloudfront", "hit"),
        ("X-Cache", "MISS, HIT", "hit"),
        ("X-Cache", "TCP_MEM_HIT from a23-45", "hit"),
        ("X-Cache", "MISS from cache-whitehall", "miss"),
        ("X-Cache", "Miss from hit", "miss"),
        ("CF-Cache-Status", "HIT", "hit"),
        ("CF-Cache-Status", "HITPASS", "miss"),
        ("Cache-Status", "edge; hit", "hit"),
        ("Cache-Status", "origin; fwd=miss, edge; hit=?1; ttl=3", "hit"),
        ("Cache-Status", "edge; hit=?0; fwd=miss", "miss"),
        ("Cache-Status", "hit; fwd=uri-miss", "miss"),
        ("Age", "12", "hit"),
        ("Age", "0", "miss"),
    ],
)
async def test_a_hit_is_a_word_of_its_own(answering: Answering, look: Look, name: str, value: str, word: str) -> None:
    """Not a part of another, nor one that says no."""
    answering.headers = {name: value}
    assert (await look("cdn.asset", {"cached": f"= {word}"})).verdict is Verdict.PASS
