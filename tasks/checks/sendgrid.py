"""SendGrid: whether mail in our name is signed, and what the key may do."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeVar

from tasks.check import Check
from tasks.estate import Estate
from tasks.vendor_api import Page, VendorApi
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_PAGE, _PAGES = 50, 40
_SHOWN = 20  # lines of details
# Stand among every key's scopes, and let it do nothing.
_NO_RIGHTS = {"2fa_required", "2fa_exempt", "sender_verification_eligible", "sender_verification_exempt"}
_T = TypeVar("_T")


class _Record(Page):
    valid: bool
    type: str = ""
    host: str = ""


class _Domain(Page):
    domain: str
    valid: bool
    dns: dict[str, _Record]


class _Scopes(Page):
    scopes: list[str]


class Sender(Check, frozen=True):
    """Whether a domain is authenticated for sending, and what the key may do.

    `verified` is yes where SendGrid found every DNS record of the domain that it wants (for DKIM and the return path);
    without them mail in its name lands in the spam. `records` counts those that it found. `scopes` counts how many of
    the named rights the key has, and `beyond` how many it has besides: a key that only sends mail needs `mail.send`
    alone. They are read only where they are expected. Where the domain is set up more than once, any will do.

    Attributes:
        domain: the sender's domain.
        scopes: the rights that the key should have.
    """

    kind: Literal["sendgrid.sender"] = "sendgrid.sender"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"verified": "word", "records": "", "scopes": "", "beyond": ""}

    domain: str
    scopes: tuple[str, ...] = ("mail.send",)

    async def look(self, estate: Estate) -> Observation:
        """Reads the authenticated domains, and the key's rights."""
        api = estate.api("sendgrid")
        found, because, details = [], "", list[str]()
        if {"verified", "records"} & set(self.expect):
            best = max(await _domains(api, self.domain), key=_standing, default=None)
            records = list(best.dns.values()) if best else []
            verified = best is not None and best.valid and all(record.valid for record in records)
            found += [
                Measurement(name="verified", word="yes" if verified else "no"),
                Measurement.number("records", sum(one.valid for one in records), of=len(records)),
            ]
            details = [f"{one.type[:10]} {one.host[:100]}: not found" for one in records if not one.valid]
            because = "; ".join(details[:3]) if best else f"SendGrid does not know {self.domain}"
        if {"scopes", "beyond"} & set(self.expect):
            held = set((await _read(api, _Scopes, "/v3/scopes", {})).scopes)
            beyond = sorted(held - set(self.scopes) - _NO_RIGHTS)
            found += [
                Measurement.number("scopes", len(held & set(self.scopes)), of=len(set(self.scopes))),
                Measurement.number("beyond", len(beyond)),
            ]
            details += [f"the key may also {scope[:60]}" for scope in beyond]
        return Observation(
            found=tuple(found),
            where=f"sendgrid {self.domain}",
            because=because,
            details=tuple(details[:_SHOWN]),
        )


def _standing(domain: _Domain) -> tuple[bool, int]:
    """How well it is set up: more is better."""
    return domain.valid, sum(record.valid for record in domain.dns.values())


async def _domains(api: VendorApi, domain: str) -> list[_Domain]:
    """All entries of that domain; SendGrid itself searches for parts of names."""
    found: list[_Domain] = []
    for number in range(_PAGES):
        params: dict[str, str | int] = {"domain": domain, "limit": _PAGE, "offset": number * _PAGE}
        page = await _read(api, list[_Domain], "/v3/whitelabel/domains", params)
        found += page
        if len(page) < _PAGE:
            return [one for one in found if one.domain.casefold() == domain.casefold()]
    raise CouldNotObserve(f"sendgrid's list of domains did not end after {len(found)}")


async def _read(api: VendorApi, model: type[_T], path: str, params: Mapping[str, str | int]) -> _T:
    return await api.read(model, path, params=params, headers=await api.bearer())
