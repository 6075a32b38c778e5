"""Where Alertmanager's tree leads an alert."""

import json
import math
from datetime import timedelta

import pytest

from tasks import alertmanager_routes
from tasks.alertmanager_routes import Arrival, Unreadable, arrivals, configuration

TREE = """\
route:
  receiver: root
  routes:
  - matchers: [team="db"]
    receiver: db
    group_wait: 5s
    mute_time_intervals: [nights]
    routes:
    - matchers: [severity=critical]
      repeat_interval: 30m
      active_time_intervals: [working-hours]
  - matchers: [severity="critical"]
    continue: true
    receiver: copy
  - matchers: ["severity =~ \\"crit.*|page\\"", 'owner!=""']
    receiver: owned
  - match: {severity: page}
    match_re: {zone: "eu-.*"}
    receiver: europe
receivers: [{name: root}, {name: db, webhook_configs: [{}, {}], email_configs: []}]
"""


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ["root"]),
        ({"severity": "info"}, ["root"]),
        ({"severity": "critical"}, ["copy"]),
        ({"severity": "critical", "owner": "me"}, ["copy", "owned"]),
        ({"severity": "critic"}, ["root"]),
        ({"severity": "page", "owner": "me"}, ["owned"]),
        ({"severity": "page", "zone": "eu-1"}, ["europe"]),
        ({"severity": "page", "zone": "not-eu-1"}, ["root"]),
        ({"severity": "page", "owner": "", "zone": "eu-"}, ["europe"]),
        ({"team": "db", "severity": "critical", "owner": "me"}, ["db"]),
    ],
)
def test_the_first_that_matches_ends_the_walk_unless_it_goes_on(labels: dict[str, str], receivers: list[str]) -> None:
    """Matchers hold together, a missing label is empty, a pattern matches the whole value."""
    assert [one.receiver for one in arrivals(configuration(TREE).route, labels)] == receivers


def test_what_a_route_does_not_say_it_inherits() -> None:
    """Receiver and times come from above, or from Alertmanager itself; muting does not."""
    root = configuration(TREE).route
    thirty = timedelta(minutes=30)

    assert arrivals(root, {}) == [Arrival("root", timedelta(seconds=30), timedelta(hours=4))]
    assert arrivals(root, {"team": "db"}) == [
        Arrival("db", timedelta(seconds=5), timedelta(hours=4), muted=("nights",))
    ]
    assert arrivals(root, {"team": "db", "severity": "critical"}) == [
        Arrival("db", timedelta(seconds=5), thirty, muted=("all but working-hours",))
    ]


def test_integrations_are_counted_by_sort() -> None:
    """An empty list is none, and a receiver that is not there has none."""
    read = configuration(TREE)

    assert read.receiver("db").integrations() == {"webhook": 2}
    assert read.receiver("root").integrations() == read.receiver("nobody").integrations() == {}


@pytest.mark.parametrize(
    ("matcher", "labels"),
    [
        ("a=b", {"a": "b"}),
        ('a="b"', {"a": "b"}),
        (" a = b ", {"a": "b"}),
        ('"odd name"="b"', {"odd name": "b"}),
        ('a="x \\"y\\"\\n\\\\"', {"a": 'x "y"\n\\'}),
        ("a=", {}),
        ('a=""', {"b": "c"}),
        ("a!=b", {}),
        ('a=~"b.*"', {"a": "bcd"}),
        ('a!~"b|c"', {"a": "bc"}),
        ('a=~"(?i)B"', {"a": "b"}),
    ],
)
def test_a_matcher_is_read_as_it_may_be_written(matcher: str, labels: dict[str, str]) -> None:
    """With and without quotation marks, spaces and escapes; the same matcher with the opposite sign does not hold."""
    opposite = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
    sign = next(sign for sign in ("=~", "!~", "!=", "=") if sign in matcher)

    assert _reaches(matcher, labels)
    assert not _reaches(matcher.replace(sign, opposite[sign], 1), labels)


def _reaches(matcher: str, labels: dict[str, str]) -> bool:
    routes = f"[{{receiver: there, matchers: [{json.dumps(matcher)}]}}]"
    root = configuration(f"route: {{receiver: elsewhere, routes: {routes}}}\nreceivers: []")
    return arrivals(root.route, labels)[0].receiver == "there"


def test_a_pattern_that_would_take_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alertmanager's own patterns take time in proportion to the text; read by Python some would never end."""
    monkeypatch.setattr(alertmanager_routes, "_WITHIN", 0.05)
    with pytest.raises(Unreadable, match=r"could not be tried within .* 'a'"):
        _reaches('a=~"(x|xx|x.?)+(y|yy)+z"', {"a": "x" * 200 + "y" * 200})


@pytest.mark.parametrize("matcher", ["a", "=b", 'a="b', 'a=b"', 'a="b"c', "{a=b,c=d}", "a b=c"])
def test_what_is_no_matcher_is_not_taken_for_one(matcher: str) -> None:
    """A route whose condition is unknown may hold or not: neither is said."""
    root = configuration(TREE).route.model_copy(update={"routes": (), "matchers": (matcher,)})
    with pytest.raises(Unreadable, match="matcher"):
        root.matches({"a": "b"}, until=math.inf)
