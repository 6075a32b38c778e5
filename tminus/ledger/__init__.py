"""The append-only, hash-chained record: the truth of which Slack, PagerDuty and Prefect are views."""
