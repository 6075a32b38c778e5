"""One decision of an Open Policy Agent."""

from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import quote

from pydantic import BaseModel, JsonValue

from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve


class Decision(StrEnum):
    """What a policy says; `undefined` is no denial: it is up to whoever asked what to make of it."""

    ALLOWS = "allows"
    DENIES = "denies"
    UNDEFINED = "undefined"


class _Answer(Page):
    """https://www.openpolicyagent.org/docs/rest-api#get-a-document-with-input: an undefined one has no result."""

    result: JsonValue = None


class _Policy(BaseModel, extra="ignore"):
    id: str


class _Policies(Page):
    result: Sequence[_Policy]


async def decide(api: VendorApi, path: str, given: JsonValue) -> Decision:
    """Asks for one decision; raises CouldNotObserve where the answer is none.

    Args:
        api: the agent's.
        path: of the document that decides (`vatic/authz/allow`): true or false, or an object with such an `allow`.
        given: the input.
    """
    asked = f"/v1/data/{quote(path.strip('/'))}"
    reply = await api.ask("POST", asked, json={"input": given}, headers=await credentials(api))
    if reply.absent:
        raise CouldNotObserve(f"{api.name} {path}: status 404; is this address an Open Policy Agent's?")
    result = api.parse(_Answer, reply, asked).result
    if isinstance(result, dict):
        result = result.get("allow")
    if result is None:
        return Decision.UNDEFINED
    if not isinstance(result, bool):
        raise CouldNotObserve(f"{api.name} {path}: its result is no decision, neither true nor false")
    return Decision.ALLOWS if result else Decision.DENIES


async def loaded(api: VendorApi) -> tuple[str, ...]:
    """The names of the policies that it has; raises CouldNotObserve."""
    found = await api.read(_Policies, "/v1/policies", headers=await credentials(api))
    return tuple(policy.id[:100] for policy in found.result)


async def credentials(api: VendorApi) -> dict[str, str]:
    """The header that an agent wants which asks for a token; none where the environment names none."""
    return await api.bearer() if api.section.token else {}
