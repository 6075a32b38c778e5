"""What the checks of buckets must notice."""

from bench.worlds.world import Case

CASES = (
    Case(
        check="aws.bucket",
        given={"bucket": "backups"},
        expect={
            "encrypted": "= aws:kms",
            "versioned": "= yes",
            "public": "= blocked",
            "retention": "= 30 d",
            "expires": "<= 90 d",
            "replicated": "= yes",
            "elsewhere": "= yes",
            "locked": "= yes",
        },
        broken_by=(
            "bucket_gone",
            "own_key_dropped",
            "encryption_dropped",
            "versioning_suspended",
            "public_access_partly_open",
            "public_access_open",
            ("expires_after", "7"),
            "some_expire_after_a_week",
            "only_some_expire",
            "nothing_expires",
            "replication_disabled",
            "replication_dropped",
            "replicated_in_part",
            "copied_to_the_same_region",
            "lock_without_a_time",
        ),
    ),
    Case(
        check="aws.objects",
        given={"bucket": "backups", "prefix": "cockroach/", "every": "7h", "older_than": "31d"},
        expect={
            "objects": ">= 120",
            "empty": "= 0",
            "newest": "< 7 h",
            "oldest": ">= 29 d",
            "gaps": "= 0",
            "older": "= 0",
            "encrypted": "= all",
        },
        broken_by=(
            "bucket_gone",
            "nothing_stored",
            ("stopped", "cockroach/", "8"),
            ("one_missing", "cockroach/"),
            "kept_ten_days",
            ("one_never_deleted", "cockroach/", "32"),
            "newest_is_empty",
            ("newest_in_clear", "cockroach/"),
        ),
    ),
    Case(
        check="aws.objects",
        given={"bucket": "backups", "older_than": "60d"},
        expect={"older": "= 0"},
        broken_by=("one_never_deleted_on_the_second_page",),
    ),
)
