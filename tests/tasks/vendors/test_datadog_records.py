"""What Datadog's documents say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue, TypeAdapter, ValidationError

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from tasks.datadog_records import Layout, Monitor, Series
from tests.tasks.vendors.answers import always, answering, seen
from tminus.outcome import Verdict

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
AT = NOW.timestamp()


@pytest.mark.parametrize(
    ("message", "notifies"),
    [
        ("@pagerduty-tradesense", True),
        ("High errors.\n{{#is_alert}}@slack-ops{{/is_alert}}", True),
        ("{{^is_recovery}}@slack-ops{{/is_recovery}}", True),
        ("{{#is_recovery}}@slack-ops{{/is_recovery}} @opsgenie-api", True),
        ("@slack-{{service.name}}", True),
        ("@team-payments", True),
        ("call @here.", True),
        ("@channel: look", True),
        ("@sns-topic", True),
        ("{{#is_recovery}}@slack-ops{{/is_recovery}}", False),
        ("{{ #is_alert_recovery }}\n@slack-ops\n{{ /is_alert_recovery }}", False),
        ("{{#is_no_data}}@slack-ops{{/is_no_data}}", False),
        ("{{#is_warning}}@slack-ops{{/is_warning}}", False),
        ("{{#is_renotify}}@slack-ops{{/is_renotify}}", False),
        ("{{#is_alert_to_warning}}@slack-ops{{/is_alert_to_warning}}", False),
        ("{{^is_alert}}@slack-ops{{/is_alert}}", False),
        ("{{#is_recovery}}over {{#is_warning}}x{{/is_warning}} @slack-ops", False),
        ("@http.status_code", False),
        ("@slack.channel", False),
        ("@usr.email@", False),
        ("@everybody", False),
        ("@teamwork", False),
        ("@all.hosts", False),
        ("(@anna@tradesense.io)", True),
        ("ask ops@tradesense.io", False),
        ("see the runbook", False),
        ("a lonely @ sign", False),
        ("", False),
    ],
)
def test_a_monitor_tells_whom_it_mentions(message: str, notifies: bool) -> None:
    """An address that is only written down is told nothing."""
    assert Monitor(name="x", message=message).notifies is notifies


@pytest.mark.parametrize(
    ("document", "muted"),
    [
        ({}, False),
        ({"matching_downtimes": [{"start": AT - 10, "end": None, "scope": ["*"]}]}, True),
        ({"matching_downtimes": [{"start": AT - 10, "end": AT + 10}]}, True),
        ({"matching_downtimes": [{"start": AT - 20, "end": AT - 10}]}, False),
        ({"matching_downtimes": [{"start": AT + 10, "end": AT + 20}]}, False),
        ({"options": {"silenced": {"*": None}}}, True),
        ({"options": {"silenced": {"env:staging": AT + 10}}}, True),
        ({"options": {"silenced": {"*": AT - 10}}}, False),
    ],
)
def test_a_monitor_is_muted_while_a_downtime_lasts(document: dict[str, JsonValue], muted: bool) -> None:
    """Not before it begins and not after its end; the older kind of mute counts, too."""
    assert Monitor.model_validate({"name": "x", **document}).muted(NOW) is muted


def test_widgets_are_counted_through_groups() -> None:
    """A group is none itself, and neither are notes, pictures and headings."""
    group = {"type": "group", "widgets": [{"definition": {"type": "toplist"}}, {"definition": {"type": "note"}}]}
    kinds: list[JsonValue] = [{"type": "timeseries"}, {"type": "image"}, group, {"type": "group", "widgets": []}]

    layout = Layout.model_validate({"widgets": [{"definition": kind} for kind in kinds]})

    assert sum(widget.showing() for widget in layout.widgets) == 2


@pytest.mark.parametrize(
    ("points", "whole"),
    [
        ("[[1000, 1], [2000, 2]]", [1, 2]),
        ("[[2000, 2], [3000, 3], [1000, 1]]", [1, 2]),
        ("[[1000, 1], [2000, null]]", [1]),
        ("[[1000, 1], [2000, 1e999]]", [1]),
        ("[[1000, null]]", []),
        ("[]", []),
    ],
)
@pytest.mark.parametrize("interval", ['"interval": 1, ', ""])
def test_only_whole_buckets_count(points: str, whole: list[float], interval: str) -> None:
    """Those that ended 3 s after 1970 began, and hold a number; how long one is follows from them where it must."""
    series = TypeAdapter(Series).validate_json(f'{{{interval}"pointlist": {points}}}')

    assert [value for _, value in series.whole(datetime.fromtimestamp(3, UTC))] == whole


def test_a_draft_tells_nobody() -> None:
    """Whomever its message names; what is published, or says nothing of it, does."""
    said = {"name": "x", "message": "@pagerduty-tradesense"}

    assert not Monitor.model_validate({**said, "draft_status": "draft"}).notifies
    assert Monitor.model_validate({**said, "draft_status": "published"}).notifies
    assert Monitor.model_validate(said).notifies


@pytest.mark.parametrize(
    ("state", "blind"),
    [
        *((state, False) for state in ("OK", "Warn", "Alert")),
        *((state, True) for state in ("No Data", "Ignored", "Skipped", "Unknown", "Fine", "", None)),
    ],
)
def test_a_monitor_sees_only_in_three_states(state: str | None, blind: bool) -> None:
    """In any other it has not judged what it watches."""
    assert Monitor(name="x", overall_state=state).blind is blind


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "ok", "series": []}, "nobody sends a series for the query"),
        (
            {"status": "ok", "series": [{"pointlist": [[1e12, 1]]}, {"pointlist": []}]},
            "1 of 2 series have no whole bucket",
        ),
        ({"status": "error", "error": "Rule 'scope_expr' didn't match", "series": []}, "refuses the query"),
        ({"status": "ok", "series": [{"pointlist": [[1e12, 1]]}, {"pointlist": [[1e12, 2]]}]}, "gives 2 series"),
        ({"status": "ok", "series": [{"pointlist": [[1e300, 1]]}]}, "which is no time"),
    ],
)
def test_a_metric_without_a_number_is_unknown(answer: JsonValue, said: str, tmp_path: Path) -> None:
    """Nobody sends it, or the query is wrong, or it gives several: none of these is a good number."""
    case = Case("datadog.metric", {"query": "avg:x{*}"}, {"value": "< 100"})

    with answering(always(answer)) as url:
        outcome = seen(case, url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert said in outcome.summary


@pytest.mark.parametrize(("take", "value"), [("max", 7), ("min", 2), ("sum", 12)])
def test_several_series_become_one_number(take: str, value: int, tmp_path: Path) -> None:
    """As the book says."""
    series: JsonValue = [{"pointlist": [[1e12, number]]} for number in (2, 7, 3)]
    case = Case("datadog.metric", {"query": "avg:x{*}", "take": take}, {"value": f"= {value}", "series": "= 3"})

    with answering(always({"status": "ok", "series": series})) as url:
        assert seen(case, url, tmp_path).verdict is Verdict.PASS


def test_what_is_not_there_is_not_called_quiet(tmp_path: Path) -> None:
    """Of monitors that do not exist it cannot be said that none is muted."""
    case = Case("datadog.monitors", {"monitors": ["gone"]}, {"muted": "= 0"})

    with answering(always([])) as url:
        assert seen(case, url, tmp_path).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("service", ["api OR *", "api env:staging", '"', ""])
def test_a_tag_is_a_tag(service: str) -> None:
    """What would be read as more of a search is refused beforehand."""
    with pytest.raises(ValidationError):
        check_of(Case("datadog.apm", {"service": service, "env": "production"}, {"spans": ">= 1"}))


def test_nothing_is_gone_through_where_nothing_is_named() -> None:
    """A book that expects traces to go on says through what."""
    with pytest.raises(ValidationError, match="name the services that the traces should go on through"):
        check_of(Case("datadog.apm", {"service": "api", "env": "production"}, {"through": "= all"}))
