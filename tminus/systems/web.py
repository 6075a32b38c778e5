"""What is asked over HTTP: the system's own endpoints, and the vendors' APIs."""

from pathlib import Path
from typing import ClassVar

from tminus.credentials import SecretRef
from tminus.systems.section import Section


class Endpoint(Section):
    """A public or internal address of the system itself, as its users meet it: `https://api.example.com`.

    Attributes:
        ca_file: the authority to trust, where it is not one of the public ones.
    """

    plain_addresses: ClassVar[tuple[str, ...]] = ("url",)

    url: str
    ca_file: Path | None = None


class Api(Section):
    """An HTTP API of a vendor or of a tool: where it is, and with what one may ask.

    Attributes:
        token: what the API calls its token, key or password.
        key: the second credential, where it wants two (Datadog's application key, Twilio's account SID).
        account: the organisation, project or account asked about, where addresses name it; Twilio's SID stands here, or
            in `key` if it is secret.
        ca_file: the authority to trust, where it is not one of the public ones.
    """

    plain_addresses: ClassVar[tuple[str, ...]] = ("url",)

    url: str
    token: SecretRef | None = None
    key: SecretRef | None = None
    account: str = ""
    ca_file: Path | None = None


class Kubernetes(Api):
    """A cluster's API server, and the namespace the system lives in."""

    namespace: str
