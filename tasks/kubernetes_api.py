"""The Kubernetes API by plain GETs: lists of objects, read to their last page, and single objects."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from tasks.estate import Estate
from tasks.kubernetes_parts import Part
from tasks.vendor_api import VendorApi
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.web import Kubernetes

_T = TypeVar("_T", bound=BaseModel)
_PER_PAGE = 500  # objects: what kubectl asks for, https://kubernetes.io/docs/reference/kubectl/generated/kubectl_get/
_PAGES = 200  # a list of more than 100,000 objects is not one that belongs to a system we launch


class _Token(Part):
    # `continue` is a word of Python's, so it has another name here.
    more: str = Field(default="", alias="continue")


class _Page(Part):
    """https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks.

    An empty list may come as `items: null`, and only its kind then tells it from any other document.
    """

    kind: Annotated[str, Field(pattern=r"^\w+List$")]
    metadata: _Token = _Token()
    items: Sequence[object] = ()


class Cluster:
    """A cluster's API server, asked about one namespace.

    Attributes:
        namespace: the namespace that the system lives in.
        where: what was looked at, for the evidence.
    """

    def __init__(self, api: VendorApi, namespace: str) -> None:
        self._api = api
        self.namespace = namespace
        self.where = f"kubernetes {api.section.url}, namespace {namespace}"

    @classmethod
    def of(cls, estate: Estate) -> "Cluster":
        """The cluster that the environment names; raises NotConfigured."""
        return cls(estate.api("kubernetes"), section_of(estate).namespace)

    async def listed(self, model: type[_T], group: str, plural: str) -> tuple[_T, ...]:
        """Every object of a kind in the namespace; raises CouldNotObserve.

        A namespace that does not exist has none of anything: the API server does not tell the two apart.

        Args:
            model: what is read of each object.
            group: where the kind is served (`/api/v1`, `/apis/apps/v1`).
            plural: the kind's name in addresses (`pods`).
        """
        return await self._wanted(model, _path(group, plural, self.namespace))

    async def listed_in(self, namespace: str, model: type[_T], group: str, plural: str) -> tuple[_T, ...]:
        """The same of another namespace."""
        return await self._wanted(model, _path(group, plural, namespace))

    async def listed_everywhere(self, model: type[_T], group: str, plural: str) -> tuple[_T, ...]:
        """Every object of a kind that belongs to no namespace, such as nodes; raises CouldNotObserve."""
        return await self._wanted(model, _path(group, plural))

    async def listed_if_served(self, namespace: str, model: type[_T], group: str, plural: str) -> tuple[_T, ...] | None:
        """Every object of a kind that an extension brings; None where the API server does not know the kind."""
        return await self._pages(model, _path(group, plural, namespace))

    async def one(self, model: type[_T], group: str, plural: str, name: str, namespace: str = "") -> _T | None:
        """One object by its name; None where there is none. Raises CouldNotObserve."""
        path = f"{_path(group, plural, namespace)}/{quote(name, safe='')}"
        reply = await self._api.ask("GET", path, headers=await self._api.bearer())
        return None if reply.absent else self._api.parse(model, reply, path)

    async def selected(self, model: type[_T], group: str, plural: str, field: str) -> tuple[_T, ...]:
        """Every object of all namespaces for which a field selector holds (`spec.nodeName=a`)."""
        return await self._wanted(model, _path(group, plural), field)

    async def _wanted(self, model: type[_T], path: str, field: str = "") -> tuple[_T, ...]:
        found = await self._pages(model, path, field)
        if found is None:
            raise CouldNotObserve(f"{path}: status {HTTPStatus.NOT_FOUND:d}; is this address a Kubernetes API server?")
        return found

    async def _pages(self, model: type[_T], path: str, field: str = "") -> tuple[_T, ...] | None:
        found: list[_T] = []
        headers, more = await self._api.bearer(), ""
        for _ in range(_PAGES):
            params: dict[str, str | int | list[str]] = {"limit": _PER_PAGE}
            if field:
                params["fieldSelector"] = field
            if more:
                params["continue"] = more
            reply = await self._api.ask("GET", path, params=params, headers=headers)
            if reply.absent and not more:
                return None
            page = self._api.parse(_Page, reply, path)
            found += [_read(model, item, path, number) for number, item in enumerate(page.items, len(found))]
            more = page.metadata.more
            if not more:
                return tuple(found)
        raise CouldNotObserve(f"{path}: its list did not end within {_PAGES} pages of {_PER_PAGE}")


def section_of(estate: Estate) -> Kubernetes:
    """Where the cluster is; raises NotConfigured."""
    section = estate.environment.kubernetes
    if section is None:
        raise NotConfigured("the environment names no kubernetes; add its url, token and namespace")
    return section


def _path(group: str, plural: str, namespace: str = "") -> str:
    return f"{group}/namespaces/{quote(namespace, safe='')}/{plural}" if namespace else f"{group}/{plural}"


def _read(model: type[_T], item: object, path: str, number: int) -> _T:
    try:
        return model.model_validate(item)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        raise CouldNotObserve(f"{path}: object {number} is not as documented ({where}: {first['msg']})") from e
