"""PagerDuty's REST API, where it is written to."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tminus.credentials import SecretRef
from tminus.loopback import url_is_local
from tminus.systems.section import Section


def _https(address: str) -> str:
    try:
        parts = urlsplit(address)
        safe = parts.scheme == "https" or (parts.scheme == "http" and url_is_local(address))
        well = safe and bool(parts.hostname) and parts.port != 0 and address.isascii()
    except ValueError:
        well = False
    if not well or parts.query or parts.fragment or any(one.isspace() for one in address):
        raise ValueError("not an address that begins with https:// and names a host; plain http only to this machine")
    return address


HttpsAddress = Annotated[str, AfterValidator(_https)]
ServiceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}$")]
"""A service's id, as PagerDuty has it."""


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
    api: HttpsAddress = "https://api.pagerduty.com"
