"""What breaks the lines of TradeSense's chapter on emergency contacts: a blank in place of what one needs to call."""

from collections.abc import Mapping

from bench.proofs.proof import Fault

_OURS = "tradesense"


def _field(entry: str, part: str, field: str, *blanks: str) -> tuple[Fault, ...]:
    """A field of an entry holds nothing, or what somebody has yet to fill in."""
    return tuple(("contacts", "the_field", part, field, blank, entry) for blank in ("", *blanks))


def _person(place: str, blank: str) -> tuple[Fault, ...]:
    """Whoever stands there has no name or telephone, or nobody tried it within 90 days."""
    entry = f"on-call-{place}"
    return (
        ("contacts", "the_name_is", blank, entry),
        ("contacts", "the_name_is", "", entry),
        *_field(entry, "reach", "phone", "[Phone]", "+1 (202) 555-0143"),
        ("contacts", "it_was_confirmed", "91", entry),
        ("contacts", "it_was_never_confirmed", entry),
    )


def _vendor(entry: str, reached_by: str, support: str = "", blank: str = "") -> tuple[Fault, ...]:
    """Nobody is named, no address is there, or what they ask for first is not at hand."""
    elsewhere = {"email": "help@example.com", "url": "https://example.com/help"}[reached_by]
    return (
        ("contacts", "the_name_is", "[Account Manager]", entry),
        *_field(entry, "reach", reached_by, elsewhere),
        *(_field(entry, "support", support, blank) if support else ()),
    )


def _on_call(*faults: str) -> tuple[Fault, ...]:
    return tuple(("pagerduty", fault, _OURS) for fault in faults)


_LINES: Mapping[str, tuple[Fault, ...]] = {
    "on-call-rotation/1": (
        *_person("primary", "[Name]"),
        *_on_call("nobody_is_on_call", "somebody_has_only_mail", "nobody_said_how_to_tell_somebody"),
        ("pagerduty", "no_policy", _OURS),
    ),
    "on-call-rotation/2": (
        *_person("secondary", "[Name]"),
        *_on_call("the_second_level_is_empty", "both_levels_are_one_person", "both_levels_are_one_person_later"),
    ),
    "on-call-rotation/3": (*_person("escalation", "[Manager]"), ("contacts", "the_entry_is_gone")),
    "external-services/1": _vendor("railway-support", "email"),
    "external-services/2": _vendor("datadog-support", "url", "contract", "[Contract #]"),
    "external-services/3": _vendor("aws-support", "url", "plan", "[Support Plan]"),
    "critical-vendors/1": (
        *_vendor("stripe", "email"),
        ("stripe", "no_charges"),
        ("stripe", "no_payouts"),
        ("stripe", "another_key", "rk_test"),
    ),
    "critical-vendors/2": (
        *_vendor("sendgrid", "url", "plan", "[Support Tier]"),
        ("sendgrid", "the_domain_is_gone"),
        ("sendgrid", "a_record_is_missing", "dkim2"),
        ("sendgrid", "the_key_may_not_send"),
    ),
    "critical-vendors/3": (
        *_vendor("twilio", "url", "account", "[Account SID]"),
        ("twilio", "the_account", "status", "suspended"),
        ("twilio", "no_number_can_send"),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/emergency-contacts/{line}": faults for line, faults in _LINES.items()
}
