"""One decision of an Open Policy Agent."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from urllib.parse import quote

from pydantic import BaseModel, JsonValue

from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve

_AT_ONCE = 5  # requests to an agent that also decides for customers at that moment
_WITHIN = timedelta(seconds=60)  # for all decisions of one look; each takes a few milliseconds


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


async def decide_each(api: VendorApi, path: str, given: Sequence[JsonValue]) -> list[Decision]:
    """Asks for decisions, a few at a time; raises CouldNotObserve at the first that does not come, or after a minute.

    Args:
        api: the agent's.
        path: of the document that decides.
        given: the inputs.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(of: JsonValue) -> Decision:
        async with turn:
            return await decide(api, path, of)

    asked = [asyncio.ensure_future(one(of)) for of in given]
    try:
        async with asyncio.timeout(_WITHIN.total_seconds()):
            return list(await asyncio.gather(*asked))
    except TimeoutError as e:
        said = sum(1 for task in asked if task.done() and not task.cancelled())
        within = f"{_WITHIN.total_seconds():g} s"
        raise CouldNotObserve(f"{api.name} {path}: {said} of {len(given)} decisions within {within}") from e
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def loaded(api: VendorApi) -> tuple[str, ...]:
    """The names of the policies that it has; raises CouldNotObserve."""
    found = await api.read(_Policies, "/v1/policies", headers=await credentials(api))
    return tuple(policy.id[:100] for policy in found.result)


async def credentials(api: VendorApi) -> dict[str, str]:
    """The header that an agent wants which asks for a token; none where the environment names none."""
    return await api.bearer() if api.section.token else {}
