"""What AWS tells in several pages, and how it ends: the checks see all of it."""

import json
from collections.abc import Mapping

import pytest
from pydantic import JsonValue

import tasks.aws_client
from tests.conftest import Estates
from tests.tasks.aws.scripted import GOOD, Answers, always, outcome, scripted, xml_refusal
from tminus.outcome import Verdict


def pages(first: Mapping[str, JsonValue], second: Mapping[str, JsonValue], token: str, sent: str) -> Answers:
    """The first page, and with its token the second."""

    def answer(_call: str, asked: Mapping[str, JsonValue]) -> tuple[int, bytes]:
        last = asked.get(sent) == "more"
        return 200, json.dumps(second if last else {**first, token: "more"}).encode()

    return answer


PLAN_OF_RESPONSE = "arn:aws:ssm-incidents::1:response-plan/on-call"
ALARM: dict[str, JsonValue] = {"ActionsEnabled": True, "AlarmActions": [PLAN_OF_RESPONSE], "StateValue": "OK"}
PAGED = [
    (
        "aws.secrets",
        {"secrets": "all"},
        {"rotating": "= 2"},
        ({"SecretList": [GOOD]}, {"SecretList": [GOOD]}, "NextToken", "NextToken"),
    ),
    (
        "aws.log_groups",
        {"groups": ["/vatic/orders"]},
        {"retention": "= 90 d"},
        (
            {"logGroups": [{"logGroupName": "/vatic/orders-archive"}]},
            {"logGroups": [{"logGroupName": "/vatic/orders", "retentionInDays": 90}]},
            "nextToken",
            "nextToken",
        ),
    ),
    (
        "aws.alarms",
        {"alarms": ["A", "B"]},
        {"acting": "= all"},
        (
            {"MetricAlarms": [{**ALARM, "AlarmName": "A"}], "CompositeAlarms": []},
            {"MetricAlarms": [], "CompositeAlarms": [{**ALARM, "AlarmName": "B"}]},
            "NextToken",
            "NextToken",
        ),
    ),
    (
        "aws.shield",
        {},
        {"protected": "= 2"},
        (
            {"Subscription": {}, "Protections": [{"ResourceArn": "a"}]},
            {"Protections": [{"ResourceArn": "b"}]},
            "NextToken",
            "NextToken",
        ),
    ),
    (
        "aws.log_search",
        {"group": "/vatic/orders", "pattern": '"x"'},
        {"found": "= 1"},
        ({"events": []}, {"events": [{"message": "x", "timestamp": 1}]}, "nextToken", "nextToken"),
    ),
    (
        "aws.waf",
        {"acl": "vatic"},
        {"rules": "= 0"},
        (
            {"WebACLs": [{"Name": "other", "Id": "1", "ARN": "arn:1"}]},
            {"WebACLs": [{"Name": "vatic", "Id": "2", "ARN": "arn:2"}]},
            "NextMarker",
            "NextMarker",
        ),
    ),
    (
        "aws.backup_plan",
        {"plan": "vatic"},
        {"rules": "= 0"},
        (
            {"BackupPlansList": [{"BackupPlanId": "1", "BackupPlanName": "other"}]},
            {"BackupPlansList": [{"BackupPlanId": "2", "BackupPlanName": "vatic"}]},
            "NextToken",
            "nextToken",
        ),
    ),
]


@pytest.mark.parametrize(("kind", "given", "expect", "two"), PAGED, ids=[one[0] for one in PAGED])
async def test_the_second_page_is_seen(
    estates: Estates,
    kind: str,
    given: dict[str, JsonValue],
    expect: dict[str, str],
    two: tuple[dict[str, JsonValue], dict[str, JsonValue], str, str],
) -> None:
    """What is only on the second page of a listing counts, also where the first one is empty."""
    rest = {"GetWebACL": {"WebACL": {"Rules": []}}, "GET /backup/plans/2/": PLAN}
    listing = pages(*two)

    def answer(call: str, asked: Mapping[str, JsonValue]) -> tuple[int, bytes]:
        return (200, json.dumps(rest[call]).encode()) if call in rest else listing(call, asked)

    with scripted(answer) as server:
        found = await outcome(estates, server.url, kind, given, **expect)
    assert found.verdict is Verdict.PASS, found.summary


PLAN: dict[str, JsonValue] = {"BackupPlan": {"Rules": []}, "BackupPlanArn": "arn:aws:backup:eu-central-1:1:plan:2"}


async def test_the_second_page_of_a_query_is_seen(estates: Estates) -> None:
    """The same where AWS speaks XML: a database on the second page of a listing."""
    one = (
        "<DBInstance><DBInstanceIdentifier>{}</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus>"
        "<MultiAZ>true</MultiAZ><BackupRetentionPeriod>7</BackupRetentionPeriod><StorageEncrypted>true"
        "</StorageEncrypted><DeletionProtection>true</DeletionProtection></DBInstance>"
    )
    result = "<DescribeDBInstancesResult><DBInstances>{}</DBInstances>{}</DescribeDBInstancesResult>"
    page = f"<DescribeDBInstancesResponse>{result}</DescribeDBInstancesResponse>"
    answers = iter([page.format(one.format("other"), "<Marker>m</Marker>"), page.format(one.format("Vatic"), "")])
    with scripted(lambda _call, _asked: (200, next(answers).encode())) as server:
        found = await outcome(estates, server.url, "aws.database", {"instance": "vatic"}, multi_az="= yes")
    assert found.verdict is Verdict.PASS, found.summary


async def test_a_listing_without_an_end_is_unknown(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same token again, or ever new ones, end the look instead of never ending it."""
    again = json.dumps({"SecretList": [], "NextToken": "again"}).encode()
    with scripted(always(200, again)) as server:
        found = await outcome(estates, server.url, "aws.secrets", {"secrets": "all"}, rotating="= all")
    assert found.verdict is Verdict.UNKNOWN
    assert "hands out the same page again" in found.summary
    monkeypatch.setattr(tasks.aws_client, "_MOST_PAGES", 5)
    numbers = iter(range(100))
    with scripted(lambda *_: (200, json.dumps({"SecretList": [], "NextToken": str(next(numbers))}).encode())) as server:
        found = await outcome(estates, server.url, "aws.secrets", {"secrets": "all"}, rotating="= all")
    assert found.verdict is Verdict.UNKNOWN
    assert "has more than 5 pages" in found.summary


async def test_where_sns_does_not_say_who_listens_it_is_unknown(estates: Estates) -> None:
    """That a topic stands there tells nothing of who would hear: without the right to ask, it is not taken for good."""
    alarm: JsonValue = {**ALARM, "AlarmName": "A", "AlarmActions": ["arn:aws:sns:eu-central-1:1:on-call"]}

    def answer(call: str, _asked: Mapping[str, JsonValue]) -> tuple[int, bytes]:
        if call == "GetTopicAttributes":
            return 403, xml_refusal("AuthorizationError")
        return 200, json.dumps({"MetricAlarms": [alarm], "CompositeAlarms": []}).encode()

    with scripted(answer) as server:
        found = await outcome(estates, server.url, "aws.alarms", {"alarms": ["A"]}, acting="= all")
    assert found.verdict is Verdict.UNKNOWN
    assert "sns:GetTopicAttributes is not allowed" in found.summary
