"""A FAKE of Railway's GraphQL API: two queries over one project's environments and services.

It understands no GraphQL: by the words in a query it answers one of the two documents that are read, with all their
fields, a few entries at a time.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JsonObject = dict[str, JsonValue]
PAGE = 2


@dataclass
class Service:
    """A service in one environment; `instances` are the states of what its active deployment has."""

    name: str
    environment: str
    replicas: int | None = 1
    restart: str = "ON_FAILURE"
    status: str | None = "SUCCESS"
    ago: timedelta = timedelta(hours=3)
    instances: tuple[str, ...] = ("RUNNING",)
    stopped: bool = False
    deleted: bool = False


class RailwayFake:
    """One project behind a token.

    Attributes:
        environments: name → id.
        services: those of all environments; change them at will.
    """

    def __init__(self, token: str, project: str) -> None:
        self._token = token
        self._project = project
        self.environments: dict[str, str] = {}
        self.services: list[Service] = []

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(routes=[Route("/graphql/v2", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        of_project = request.headers.get("project-access-token", "")
        if not (hmac.compare_digest(given, f"Bearer {self._token}") or hmac.compare_digest(of_project, self._token)):
            return _errors("Not Authorized")
        sent = await request.json()
        query, variables = sent["query"], sent["variables"]
        if variables.get("project") != self._project:
            return _errors("Project not found")
        if "serviceInstances" in query:
            return self._services(variables)
        nodes: list[JsonObject] = [{"id": one, "name": name} for name, one in self.environments.items()]
        return JSONResponse({"data": {"project": {"environments": _connection(nodes, variables)}}})

    def _services(self, variables: JsonObject) -> Response:
        name = next((name for name, one in self.environments.items() if one == variables["environment"]), None)
        if name is None:
            return _errors("Environment not found")
        nodes = [_service(one) for one in self.services if one.environment == name]
        return JSONResponse({"data": {"environment": {"serviceInstances": _connection(nodes, variables)}}})


def _service(one: Service) -> JsonObject:
    made = (datetime.now(UTC) - one.ago).isoformat().replace("+00:00", "Z")
    instances: list[JsonValue] = [{"status": status} for status in one.instances]
    active: JsonObject = {"status": "SUCCESS", "deploymentStopped": one.stopped, "instances": instances}
    latest: JsonObject = {"status": one.status, "deploymentStopped": one.stopped, "createdAt": made}
    return {
        "serviceName": one.name,
        "numReplicas": one.replicas,
        "restartPolicyType": one.restart,
        "deletedAt": made if one.deleted else None,
        "latestDeployment": None if one.status is None else latest,
        "activeDeployments": [active] if instances else [],
    }


def _connection(nodes: Sequence[JsonObject], variables: JsonObject) -> JsonObject:
    begin, first = int(str(variables.get("after") or 0)), int(str(variables["first"]))
    end = begin + min(first, PAGE)
    edges: list[JsonValue] = [{"cursor": str(begin + n), "node": node} for n, node in enumerate(nodes[begin:end])]
    return {"edges": edges, "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}


def _errors(message: str) -> Response:
    return JSONResponse({"errors": [{"message": message}], "data": None})
