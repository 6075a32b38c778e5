"""What the checks of databases and backup plans must notice."""

from bench.worlds.world import Case

_A_KEPT_DATABASE = {
    "multi_az": "= yes",
    "backup_retention": ">= 14 d",
    "encrypted": "= yes",
    "restorable": "< 10 min",
    "public": "= no",
    "protected": "= yes",
}

CASES = (
    Case(
        check="aws.database",
        given={"instance": "vatic"},
        expect={"status": "= available", **_A_KEPT_DATABASE},
        broken_by=(
            "instance_gone",
            ("instance_set", "multi_az", ""),
            ("instance_set", "backup_retention_period", "1"),
            ("instance_set", "storage_encrypted", ""),
            ("instance_set", "publicly_accessible", "yes"),
            ("instance_set", "deletion_protection", ""),
            ("instance_set", "status", "storage-full"),
            ("restorable_to_2020", "DescribeDBInstances"),
            ("not_restorable", "DescribeDBInstances"),
        ),
    ),
    Case(
        check="aws.database",
        given={"cluster": "vatic-aurora"},
        expect=_A_KEPT_DATABASE,
        broken_by=(
            "cluster_gone",
            "reader_gone",
            "reader_public",
            ("cluster_set", "backup_retention_period", "1"),
            ("cluster_set", "storage_encrypted", ""),
            ("cluster_set", "deletion_protection", ""),
            ("restorable_to_2020", "DescribeDBClusters"),
            ("not_restorable", "DescribeDBClusters"),
        ),
    ),
    Case(
        check="aws.backup_plan",
        given={"plan": "vatic"},
        expect={
            "rules": ">= 2",
            "selections": ">= 1",
            "retention": ">= 30 d",
            "vault_locked": "= yes",
            "copies": ">= 1",
            "copy_retention": ">= 30 d",
            "newest": "< 25 h",
        },
        broken_by=(
            "plan_gone",
            "rule_lost",
            ("kept_for", "29"),
            "vault_not_locked",
            "lock_of_governance",
            "lock_can_still_be_taken_back",
            "copy_stays_here",
            "copy_kept_a_day",
            ("backups_stopped", "26"),
            ("backups_of_one_stopped", "504"),
            "backups_fail",
            "nothing_selected",
        ),
    ),
)
