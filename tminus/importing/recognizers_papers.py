"""Lines about documents, contacts, commands, and the checklist's own dates."""

import re
import shlex

from pydantic import JsonValue

from tminus.importing.marks import to_be_filled_in
from tminus.importing.seen import Recognizer, Seen, Suggestion, suggest
from tminus.importing.slugs import section_name, slug
from tminus.readiness.book import Holds

_WRITTEN = re.compile(
    r"^(?P<what>.+?)\s+(?:(?:is|are|have been|has been) )?(?:documented|written(?: down)?|defined)"
    r"(?:\s*\([^)]*\))?[.!]?$"
    r"|^(?P<page>.*?\b(?:runbooks?|playbooks?|plan|guide|policy|policies|procedures?|diagrams?|manual"
    r"|terms of service))"
    r"(?:\s+(?:(?:is|are) )?(?:created|documented|written|defined|updated|published|available|in place|exists?"
    r"|drafted))?[.!]?$",
    re.IGNORECASE,
)
_NO_PAGE = re.compile(
    r"\b(?:security|referrer|permissions|retention|retry|network|password|cache|rotation)[\s-]polic"
    r"|\bpolicies (?:configured|enforced)",
    re.IGNORECASE,
)
_PLACEHOLDER_NEEDS = (
    (r"phone|mobile|number", "reach.phone"),
    (r"e-?mail", "reach.email"),
    (r"url|link|portal", "reach.url"),
    (r"contract", "support.contract"),
    (r"plan|tier", "support.plan"),
    (r"account(?! manager)|sid", "support.account"),
    (r"name|manager", "name"),
)
_LOOKS = re.compile(r"(?:^|[-_])(?:validate|verify|check|lint|status|audit|scan)(?:[-_.]|$)")
_CHANGES = re.compile(
    r"deploy(?!ment)|restore|rotate|delete|drop|destroy|fix|apply|migrate|clean|reset|rollback|force", re.IGNORECASE
)


def document(seen: Seen) -> Suggestion | None:
    """`Rollback procedures documented`, `On-call runbook created`, `Incident response plan`: a page of that name."""
    found = _WRITTEN.match(seen.title)
    if (
        found is None
        or seen.amounts
        or (found["page"] and _NO_PAGE.search(seen.title) and "documented" not in seen.text)
    ):
        return None
    if seen.holds in {Holds.CONTACTS, Holds.OPERATIONS, Holds.METRICS}:
        return None
    name = section_name(slug(found["what"] or found["page"]))
    if not name or seen.has(r"\b(?:reviewed|tested|trained)\b"):
        return None
    return suggest("document.page", {"path": f"{name}.md"}, {"present": "= yes", "placeholders": "= 0"})


def openapi(seen: Seen) -> Suggestion | None:
    """`OpenAPI/Swagger documentation generated`."""
    if not seen.has(r"\bopenapi\b|\bswagger\b"):
        return None
    return suggest("artifact.openapi", {"file": "openapi.yaml"}, {"valid": "= yes", "operations": ">= 1"})


def contact(seen: Seen) -> Suggestion | None:
    """`Primary: [Name] - [Phone]`: the entry of the contacts file, with what the line leaves open or gives."""
    label, _, rest = seen.title.partition(":")
    name = section_name(slug(label))
    if seen.holds is not Holds.CONTACTS or not name:
        return None
    said = rest.lower()
    needs = [need for pattern, need in _PLACEHOLDER_NEEDS if re.search(pattern, said)]
    if re.search(r"@\w", said) and "reach.email" not in needs:
        needs.append("reach.email")
    if re.search(r"\+?\d[\d\s().-]{6,}", said) and "reach.phone" not in needs:
        needs.append("reach.phone")
    given: dict[str, JsonValue] = {"contact": name, "needs": [*(needs or ["name"])]}
    return suggest("contacts.entry", given, {"filled": "= all", "placeholders": "= 0"})


def command(seen: Seen) -> Suggestion | None:
    """`./scripts/validate-deployment.sh`: run where its name says that it only looks, and nothing is left to fill in.

    A sweep runs what is suggested here every night, so a script that deploys, restores or rotates is never suggested.
    """
    if seen.holds is not Holds.OPERATIONS or to_be_filled_in(seen.title):
        return None
    try:
        words = shlex.split(seen.title)
    except ValueError:
        return None
    if (
        not words
        or "/" not in words[0]
        or not _LOOKS.search(words[0].rpartition("/")[2])
        or _CHANGES.search(seen.title)
    ):
        return None
    if re.search(r"[|&;<>$`*?]", seen.title):
        return None
    argv: list[JsonValue] = [*words]
    return suggest("command.run", {"argv": argv}, {"exit": "= 0"})


def review(seen: Seen) -> Suggestion | None:
    """`Last Updated: 2026-11-01`, `Next Review: [DATE]`: read in the checklist itself."""
    if seen.holds is not Holds.REVIEW:
        return None
    label = seen.title.partition(":")[0].strip()
    expect = {"present": "= all", "placeholders": "= 0"}
    if re.match(r"next review", label, re.IGNORECASE):
        expect["next_review"] = ">= 0 d"
    return Suggestion(
        suggest("document.dates", {"path": seen.file, "labels": [label]}, expect).checks,
        known=True,
    )


RECOGNIZERS: tuple[Recognizer, ...] = (review, contact, command, document, openapi)
