"""The systems that the readiness checklists name, each a field of the environment; what is left out is skipped."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from tminus.credentials import SecretRef
from tminus.systems.section import Section
from tminus.systems.stores import Aws, Cockroach, Kafka, Sentinels
from tminus.systems.web import Api, Endpoint, Kubernetes


class Systems(Section):
    """What readiness may ask, beside what a launch needs.

    Attributes:
        endpoints: name → an address of the system itself (`api`, `web`, `cdn`).
        identities: name → a bearer token made for tests (`customer`, `operator`, `expired`).
        artifacts: the folder that holds what CI leaves behind: reports, scans, manifests, settings.
        documents: the folder that holds the written documents.
        contacts: the file that says who is called, and with which support data.
        runbooks: the folder with the systems' books, one folder a system.
    """

    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    identities: dict[str, SecretRef] = Field(default_factory=dict)
    cockroach: dict[str, Cockroach] = Field(default_factory=dict)
    sentinels: dict[str, Sentinels] = Field(default_factory=dict)
    kafka: Kafka | None = None
    aws: Aws | None = None
    kubernetes: Kubernetes | None = None
    alertmanager: Api | None = None
    jaeger: Api | None = None
    opa: Api | None = None
    datadog: Api | None = None
    sentry: Api | None = None
    railway: Api | None = None
    stripe: Api | None = None
    sendgrid: Api | None = None
    twilio: Api | None = None
    artifacts: Path | None = None
    documents: Path | None = None
    contacts: Path | None = None
    runbooks: Path | None = None

    def system_addresses(self) -> Iterator[str]:
        """Every plain address of these."""
        for name in Systems.model_fields:
            value = getattr(self, name)
            parts = value.values() if isinstance(value, dict) else (value,)
            for part in parts:
                if isinstance(part, Section):
                    yield from part.addresses()
        if self.kafka is not None:
            yield from (f"kafka://{broker}" for broker in self.kafka.bootstrap.split(","))
