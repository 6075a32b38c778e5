"""A Stripe API key tried out: whether Stripe takes it, and what it may read. It stands in no address and no error."""

import re
from http import HTTPStatus
from typing import Annotated

from pydantic import SecretStr, StringConstraints

from tasks.checks.stripe import VERSION
from tasks.estate import Estate
from tasks.web_request import Front, Reply, Wanted
from tminus.errors import CouldNotObserve, NotConfigured, Refused

Path = Annotated[str, StringConstraints(pattern=r"^/v[12]/[!-~]+$", max_length=500)]
_KEY = re.compile(r"(?P<sort>rk|sk)_(?:org_)?(?P<mode>live|test)_[A-Za-z0-9_]{4,300}")


def sort_and_mode(key: SecretStr) -> tuple[str, str]:
    """`rk` or `sk`, and `live` or `test`, as its name says; raises Refused where it is no key of Stripe's."""
    found = _KEY.fullmatch(key.get_secret_value())
    if found is None:
        raise Refused("that is no secret or restricted key of Stripe's (rk_live_…, sk_test_…); was it pasted whole?")
    return found["sort"], found["mode"]


def stripe_front(estate: Estate) -> Front:
    """Stripe's API, as the environment's `stripe` section leads there; raises NotConfigured, CouldNotObserve."""
    section = estate.environment.stripe
    if section is None:
        raise NotConfigured("the environment names no stripe; add its url to the environment file")
    return Front("stripe", section.url, estate.clients.trusting(section.ca_file))


async def taken(front: Front, path: str, key: SecretStr) -> bool:
    """Whether Stripe takes the key, whatever it may do: 401 says that it does not.

    Source: docs.stripe.com/api/errors; a key that expired, was deleted or never was is answered with 401.
    """
    return (await asked(front, path, key)).status != HTTPStatus.UNAUTHORIZED


async def asked(front: Front, path: str, key: SecretStr) -> Reply:
    """What a GET with the key is answered; raises CouldNotObserve where that says nothing about the key."""
    sort_and_mode(key)
    wanted = Wanted(path, headers={"Stripe-Version": VERSION}, token=key)
    reply = await front.ask(wanted)
    if reply.broken or reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise CouldNotObserve(f"{front.name} ({front.where}): {wanted}: status {reply.status}; try again later")
    return reply
