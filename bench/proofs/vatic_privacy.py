"""What breaks each observed line on data protection and compliance, of Vatic's chapter on security."""

from collections.abc import Mapping
from datetime import timedelta

from bench.proofs.file_faults import page
from bench.proofs.proof import Fault
from bench.worlds.cockroach import CockroachWorld
from bench.worlds.world import World
from tminus.clock import now

_ACCOUNTS = "SELECT count(*) FROM (SELECT 1 FROM payout_accounts LIMIT 1)"
_READABLE = (
    "SELECT count(*) FROM payout_accounts "
    "WHERE iban IS NULL OR iban NOT LIKE 'enc:%' OR tax_number IS NULL OR tax_number NOT LIKE 'enc:%'"
)
_AUDITED = "SELECT max(created_at) FROM audit_log"
_GROUPS = ("/vatic/orders", "/vatic/market-data", "/vatic/risk")
_INTEGRATION = "tests/integration.xml"
_GDPR = ("gdpr_erasure_deletes_the_customer", "gdpr_export_is_complete", "retention_expired_records_are_deleted")
_PAGE_DAYS = 180


def prepare(worlds: Mapping[str, World]) -> None:
    """There are payout accounts, none of which can be read, and the audit log is written to."""
    cockroach = worlds["cockroach"]
    assert isinstance(cockroach, CockroachWorld)
    for query, value in ((_ACCOUNTS, 1), (_READABLE, 0), (_AUDITED, now() - timedelta(minutes=4))):
        cockroach.fake.gives(query, value)


_DATA: dict[str, tuple[Fault, ...]] = {
    "1": (
        ("kubernetes", "changed", "class_in_clear"),
        ("aws-cluster", "secrets_in_clear"),
        ("aws-storage", "own_key_dropped"),
        ("aws-storage", "encryption_dropped"),
        *(("aws-logs", "group_without_key", group) for group in _GROUPS),
    ),
    "2": tuple(
        fault
        for name in ("api", "web", "ws")
        for fault in (
            ("tls", "offers", "1.2", "1.3", name),
            ("tls", "offers", "1.2", "1.2", name),
            ("tls", "certificate_ends", "13", name),
            ("tls", "certificate_is_of_nobody", name),
            ("tls", "certificate_is_for", "old.vatic.example", name),
        )
    ),
    "3": tuple(
        ("aws-logs", "personal_data", sort, group) for group in _GROUPS for sort in ("email", "phone", "card", "iban")
    ),
    "4": (
        ("cockroach", "not_encrypted"),
        ("cockroach", "scratch_besides", "gone"),
        ("aws-storage", "newest_in_clear", "cockroach/"),
    ),
    "5": (
        ("cockroach", "query_gives", _READABLE, "1"),
        ("cockroach", "query_gives", _ACCOUNTS, "0"),
        ("aws-secrets", "gone", "vatic/encryption-key"),
        ("aws-secrets", "key_of_aws", "vatic/encryption-key"),
    ),
}
_COMPLIANCE: dict[str, tuple[Fault, ...]] = {
    "2": page("data-retention.md", "Customer data", "Trading records", "Logs", "Backups", days=_PAGE_DAYS),
    "3": page("data-deletion.md", "Request", "Deletion", "Backups", "Verification", days=_PAGE_DAYS),
    "4": (("cockroach", "query_gives", _AUDITED, '{"hours_ago": 25}'), ("aws-cluster", "audit_log_off")),
    "5": tuple(
        ("artifacts", "test_is", _INTEGRATION, f"test_{name}", end) for name in _GDPR for end in ("failure", "gone")
    ),
}

BROKEN: dict[str, tuple[Fault, ...]] = {
    f"vatic/3-security/{section}/{number}": faults
    for section, lines in (("data-protection", _DATA), ("compliance", _COMPLIANCE))
    for number, faults in lines.items()
}
