"""PagerDuty's REST API, where it is written to."""

from pydantic import Field

from tminus.credentials import SecretRef
from tminus.systems.section import Section


class PagerDutyRest(Section):
    """How it is written to: pages to a role's own escalation policy, answers to notes, maintenance windows.

    Attributes:
        token: of a key that may write.
        from_email: of the PagerDuty user in whose name it is written.
        service: the id of the service whose incidents the pages are.
        policies: role → the id of the escalation policy that is paged where nobody answers as it.
    """

    token: SecretRef
    from_email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)
    service: str = Field(min_length=1)
    policies: dict[str, str] = Field(default_factory=dict)
    api: str = "https://api.pagerduty.com"
