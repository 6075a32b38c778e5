"""Links that a drill may cut or slow down: each goes through a proxy that does so when it is told."""

from typing import Annotated, Literal

from pydantic import Field

from tminus.credentials import SecretRef
from tminus.systems.section import Section
from tminus.systems.web import Api


class OutsideClient(Section):
    """How an outside client reaches a system.

    Attributes:
        store: what it is asked as; of `http`, which takes no writes, no loss is counted.
        references: secrets with the address of each node; whichever takes writes is used, of `http` the first.
    """

    store: Literal["http", "postgres", "redis"]
    references: Annotated[tuple[SecretRef, ...], Field(min_length=1)]


class Link(Section):
    """A link that goes through a Toxiproxy, or whatever speaks its API.

    Attributes:
        api: where the proxies are told (https://github.com/Shopify/toxiproxy#http-api).
        proxy: this one's name there.
        client: whoever needs the link, or uses a service that does: what it sees is what is measured.
    """

    api: Api
    proxy: str
    client: OutsideClient
