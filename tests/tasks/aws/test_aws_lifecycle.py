"""After how many days a bucket lets objects go, by rules of every form."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.conftest import Estates
from tests.tasks.aws.scripted import Scripted, outcome, scripted
from tminus.clock import now
from tminus.outcome import Outcome

ALWAYS = 36_500


@contextmanager
def rules(*some: str, versions: str = "") -> Iterator[Scripted]:
    """S3 with a bucket that has these lifecycle rules, and versions where it says `Enabled` or `Suspended`."""
    lifecycle = f"<LifecycleConfiguration>{''.join(f'<Rule>{one}</Rule>' for one in some)}</LifecycleConfiguration>"
    status = f"<Status>{versions}</Status>" if versions else ""
    bodies = {"versioning": f"<VersioningConfiguration>{status}</VersioningConfiguration>", "lifecycle": lifecycle}
    with scripted(lambda _call, asked: (200, bodies[next(iter(asked))].encode())) as server:
        yield server


def measured(found: Outcome) -> tuple[float, float]:
    """At the earliest, and at the latest."""
    values = {one.name: one.quantity.value for one in found.found if one.quantity is not None}
    return float(values["retention"]), float(values["expires"])


ENABLED = "<Status>Enabled</Status>"
THIRTY = "<Expiration><Days>30</Days></Expiration>"
TAGGED = "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>"
BIG = "<Filter><And><Prefix></Prefix><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan></And></Filter>"


@pytest.mark.parametrize(
    ("some", "days"),
    [
        ((f"{ENABLED}<Filter/>{THIRTY}",), (30, 30)),
        ((f"{ENABLED}<Filter><Prefix></Prefix></Filter>{THIRTY}",), (30, 30)),
        ((f"{ENABLED}<Prefix></Prefix>{THIRTY}",), (30, 30)),
        ((f"{ENABLED}<Prefix>logs/</Prefix>{THIRTY}",), (30, ALWAYS)),
        ((f"{ENABLED}{TAGGED}{THIRTY}",), (30, ALWAYS)),
        ((f"{ENABLED}{BIG}{THIRTY}",), (30, ALWAYS)),
        ((f"<Status>Disabled</Status><Filter/>{THIRTY}",), (ALWAYS, ALWAYS)),
        ((f"{ENABLED}<Filter/><AbortIncompleteMultipartUpload/>",), (ALWAYS, ALWAYS)),
        (
            (
                f"{ENABLED}<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            ),
            (ALWAYS, ALWAYS),
        ),
        ((f"{ENABLED}<Filter/>{THIRTY}", f"{ENABLED}{TAGGED}<Expiration><Days>7</Days></Expiration>"), (7, 30)),
    ],
)
async def test_rules_of_every_form_are_read(estates: Estates, some: tuple[str, ...], days: tuple[int, int]) -> None:
    """A rule for part of the objects bounds what is kept from below; only one for all bounds it from above."""
    with rules(*some) as server:
        found = await outcome(estates, server.url, "aws.bucket", {"bucket": "backups"}, retention=">= 1 d")
    assert measured(found) == days, found.summary


def old(days: int, newer: str = "") -> str:
    """A part of a rule that deletes old versions after so many days."""
    return f"<NoncurrentVersionExpiration>{newer}<NoncurrentDays>{days}</NoncurrentDays></NoncurrentVersionExpiration>"


ALL = f"{ENABLED}<Filter/>"
SPARED = "<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"


@pytest.mark.parametrize("versions", ["Enabled", "Suspended"])
@pytest.mark.parametrize(
    ("some", "days"),
    [
        ((f"{ALL}{THIRTY}",), (30, ALWAYS)),
        ((f"{ALL}{THIRTY}{old(30)}",), (30, 60)),
        ((f"{ALL}{THIRTY}{old(1)}",), (1, 31)),
        ((f"{ALL}{THIRTY}", f"{ALL}{old(7)}"), (7, 37)),
        ((f"{ALL}{old(1)}",), (1, ALWAYS)),
        ((f"{ALL}{THIRTY}{old(40, SPARED)}",), (30, ALWAYS)),
        ((f"{ALL}{THIRTY}", f"{ENABLED}<Prefix>logs/</Prefix>{old(7)}"), (7, ALWAYS)),
        ((f"{ALL}{THIRTY}", f"{ENABLED}{TAGGED}{old(7)}"), (7, ALWAYS)),
        ((f"{ALL}{THIRTY}", f"<Status>Disabled</Status><Filter/>{old(7)}"), (30, ALWAYS)),
    ],
)
async def test_old_versions_count_where_there_may_be_some(
    estates: Estates, versions: str, some: tuple[str, ...], days: tuple[int, int]
) -> None:
    """What expires becomes an old version, which is gone only by a rule for all of these; overwritten it goes first."""
    with rules(*some, versions=versions) as server:
        found = await outcome(estates, server.url, "aws.bucket", {"bucket": "backups"}, retention=">= 1 d")
    assert measured(found) == days, found.summary


async def test_without_versions_rules_for_old_ones_do_not_count(estates: Estates) -> None:
    """Where nothing is ever an old version, an object that expires is gone at once."""
    with rules(f"{ALL}{THIRTY}{old(1)}") as server:
        found = await outcome(estates, server.url, "aws.bucket", {"bucket": "backups"}, retention=">= 1 d")
    assert measured(found) == (30, 30), found.summary


@pytest.mark.parametrize(("ahead", "days"), [(10, 10), (-10, 0)])
async def test_a_rule_with_a_date_counts_until_then(estates: Estates, ahead: int, days: int) -> None:
    """Objects that expire on a date are kept until it; where it has passed, not at all."""
    date = (now() + timedelta(days=ahead)).isoformat()
    with rules(f"{ENABLED}<Filter/><Expiration><Date>{date}</Date></Expiration>") as server:
        found = await outcome(estates, server.url, "aws.bucket", {"bucket": "backups"}, retention=">= 1 d")
    assert measured(found) == pytest.approx((days, days), abs=0.01)
