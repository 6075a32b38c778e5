"""What the checks of load balancers, web ACLs and Shield must notice."""

from bench.worlds.world import Case

_LET_IN = (
    "group_only_counts",
    "rate_only_counts",
    ("rule_of_group_set_to", "Count"),
    ("rule_of_group_set_to", "Allow"),
    "rule_of_group_excluded",
)

CASES = (
    Case(
        check="aws.load_balancer",
        given={"name": "vatic-api"},
        expect={
            "status": "= active",
            "healthy": "= all",
            "groups": "= all",
            "zones": ">= 3",
            "https": "= yes",
            "redirects": "= yes",
        },
        broken_by=(
            "balancer_gone",
            "balancer_failed",
            "target_unhealthy",
            "group_emptied",
            ("zones_left", "2"),
            "https_lost",
            "plain_http_forwards",
            "plain_http_has_a_way_in",
            "plain_http_closed",
        ),
    ),
    Case(
        check="aws.waf",
        given={"acl": "vatic"},
        expect={"rules": ">= 3", "blocking": "= all", "attached": ">= 1", "rate_limited": "= yes"},
        broken_by=("acl_gone", "rule_lost", "nothing_behind", *_LET_IN),
    ),
    Case(
        check="aws.shield",
        expect={"protected": ">= 1"},
        broken_by=("not_subscribed", "nothing_protected"),
    ),
)
