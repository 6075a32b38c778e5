"""Railway's GraphQL API, read: the services of one environment of a project."""

from typing import TypeVar

from pydantic import AwareDatetime, Field, JsonValue, TypeAdapter, ValidationError

from tasks.vendor_api import Page, VendorApi
from tminus.errors import CouldNotObserve, NotConfigured

PATH = "/graphql/v2"
_PAGE = 100
_PAGES = 20
_PAGE_INFO = "pageInfo { hasNextPage endCursor }"
_ENVIRONMENTS = f"""
query environments($project: String!, $first: Int!, $after: String) {{
  project(id: $project) {{
    environments(first: $first, after: $after) {{ edges {{ node {{ id name }} }} {_PAGE_INFO} }}
  }}
}}
"""
_SERVICES = f"""
query services($environment: String!, $project: String!, $first: Int!, $after: String) {{
  environment(id: $environment, projectId: $project) {{
    serviceInstances(first: $first, after: $after) {{
      edges {{
        node {{
          serviceName numReplicas restartPolicyType deletedAt
          latestDeployment {{ status deploymentStopped createdAt }}
          activeDeployments {{ status deploymentStopped instances {{ status }} }}
        }}
      }}
      {_PAGE_INFO}
    }}
  }}
}}
"""
_DOWN = {"CRASHED", "RESTARTING"}  # what is started again has ended just now
_T = TypeVar("_T")


class _Named(Page):
    id: str
    name: str


class _Status(Page):
    status: str


class Active(Page):
    """A deployment that runs unless it was stopped, with the state of each of its instances."""

    status: str
    deploymentStopped: bool  # noqa: N815 - Railway's name
    instances: tuple[_Status, ...] = ()


class Latest(Page):
    """The newest deployment, whatever became of it."""

    status: str
    deploymentStopped: bool  # noqa: N815 - Railway's name
    createdAt: AwareDatetime  # noqa: N815 - Railway's name


class RailwayService(Page):
    """A service as it is set up in one environment.

    Attributes:
        numReplicas: None where nobody said, which is one.
        deletedAt: when it was deleted; None of one that is there.
    """

    serviceName: str  # noqa: N815 - Railway's name
    numReplicas: int | None = Field(default=None, ge=0)  # noqa: N815 - Railway's name
    restartPolicyType: str  # noqa: N815 - Railway's name
    deletedAt: AwareDatetime | None = None  # noqa: N815 - Railway's name
    latestDeployment: Latest | None = None  # noqa: N815 - Railway's name
    activeDeployments: tuple[Active, ...] = ()  # noqa: N815 - Railway's name

    @property
    def deployed(self) -> bool:
        """Whether the newest deployment succeeded, and nobody stopped it."""
        latest = self.latestDeployment
        return latest is not None and latest.status == "SUCCESS" and not latest.deploymentStopped

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it: its newest deployment was stopped or removed, and no other one is active."""
        latest = self.latestDeployment
        ended = latest is not None and (latest.deploymentStopped or latest.status == "REMOVED")
        return ended and all(active.deploymentStopped for active in self.activeDeployments)

    @property
    def replicas(self) -> int:
        """How many instances it is set up with."""
        return 1 if self.numReplicas is None else self.numReplicas

    @property
    def running(self) -> int:
        """How many instances run, at most as many as it is set up with; of a stopped deployment none does."""
        states = [
            one.status for active in self.activeDeployments if not active.deploymentStopped for one in active.instances
        ]
        return min(states.count("RUNNING"), self.replicas)

    @property
    def crashed(self) -> bool:
        """Whether the newest deployment crashed, or an instance of what runs did, be it being started again."""
        states = [one.status for active in self.activeDeployments for one in active.instances]
        states += [active.status for active in self.activeDeployments]
        if self.latestDeployment is not None:
            states.append(self.latestDeployment.status)
        return not _DOWN.isdisjoint(states)


class _PageInfo(Page):
    hasNextPage: bool  # noqa: N815 - Railway's name
    endCursor: str | None = None  # noqa: N815 - Railway's name


class _Connection(Page):
    pageInfo: _PageInfo  # noqa: N815 - Railway's name
    edges: list[dict[str, JsonValue]]


class _Error(Page):
    message: str


class _Answer(Page):
    data: dict[str, dict[str, _Connection] | None] | None = None
    errors: tuple[_Error, ...] = ()


class RailwayReader:
    """Asks Railway, following its pages; every method raises CouldNotObserve.

    Args:
        api: the environment's `railway`: `account` is the project's id, `token` an account's or workspace's token, or
            instead `key` a token of the project alone.

    Raises NotConfigured where the environment names no project.
    """

    def __init__(self, api: VendorApi) -> None:
        if not api.section.account:
            raise NotConfigured("railway has no account in the environment file; give the project's id")
        self._api = api

    async def services(self, environment: str) -> list[RailwayService]:
        """All services of the environment of that name, without those that were deleted from it."""
        project = self._api.section.account
        there = await self._all(_Named, _ENVIRONMENTS, {"project": project}, "project", "environments")
        ids = [one.id for one in there if one.name == environment]
        if not ids:
            names = ", ".join(sorted(one.name[:40] for one in there)[:10]) or "none"
            raise CouldNotObserve(f"the Railway project has no environment {environment!r} (it has: {names})")
        asked: dict[str, JsonValue] = {"environment": ids[0], "project": project}
        listed = await self._all(RailwayService, _SERVICES, asked, "environment", "serviceInstances")
        return [one for one in listed if one.deletedAt is None]

    async def _all(
        self, model: type[_T], query: str, variables: dict[str, JsonValue], root: str, listed: str
    ) -> list[_T]:
        found: list[_T] = []
        after: str | None = None
        for _ in range(_PAGES):
            connection = await self._page(query, {**variables, "first": _PAGE, "after": after}, root, listed)
            try:
                found += TypeAdapter(list[model]).validate_python(  # type: ignore[valid-type]  # a type at run time
                    [edge.get("node") for edge in connection.edges]
                )
            except ValidationError as e:
                raise CouldNotObserve(f"railway: an unexpected answer ({_first(e)})") from e
            after = connection.pageInfo.endCursor
            if not connection.pageInfo.hasNextPage:
                return found
        raise CouldNotObserve(f"railway: its list of {listed} did not end after {len(found)} entries")

    async def _page(self, query: str, variables: dict[str, JsonValue], root: str, listed: str) -> _Connection:
        headers = await self._headers()
        reply = await self._api.ask("POST", PATH, headers=headers, json={"query": query, "variables": variables})
        if reply.absent:
            raise CouldNotObserve(f"railway {PATH}: status 404; is this address a Railway?")
        answer = self._api.parse(_Answer, reply, PATH)
        if answer.errors:
            raise CouldNotObserve(f"railway refuses the query: {answer.errors[0].message[:200]}")
        inside = (answer.data or {}).get(root)
        if inside is None or listed not in inside:
            raise CouldNotObserve(f"railway: no {root} is in its answer; is `account` the project's id?")
        return inside[listed]

    async def _headers(self) -> dict[str, str]:
        if self._api.section.token is None and self._api.section.key is not None:
            return {"Project-Access-Token": await self._api.key()}
        return await self._api.bearer()


def _first(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
