"""Where the servers of the rehearsal are: chosen before any of them runs, so that everything can start at once.

Passwords are made up for each rehearsal; what is handed on names the environment variable that holds them.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

Role = Literal["postgres", "trading", "tminus"]
"""Who logs in to PostgreSQL: its superuser; the owner of the database; tminus, which monitors, dumps and replicates."""

HOST = "127.0.0.1"


def made_up() -> SecretStr:
    """A random secret, safe in URLs and configuration files."""
    return SecretStr(secrets.token_urlsafe(24))


def plain(environment: Mapping[str, SecretStr]) -> dict[str, str]:
    """An environment as a child process takes it: the values in plain text."""
    return {name: value.get_secret_value() for name, value in environment.items()}


class Address(BaseModel):
    """An address of one server."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PostgresAddress(Address):
    """A PostgreSQL primary and, where there is one, its streaming standby."""

    port: int
    standby_port: int | None
    database: str
    passwords: Mapping[Role, SecretStr]

    def url(self, role: Role = "tminus", *, database: str | None = None, standby: bool = False) -> str:
        """The connection URL without its password."""
        port = self.standby_port if standby else self.port
        return f"postgresql://{role}@{HOST}:{port}/{database or self.database}"

    def dsn(self, role: Role = "tminus", *, database: str | None = None, standby: bool = False) -> SecretStr:
        """The connection URL with its password, for the moment of use."""
        bare = self.url(role, database=database, standby=standby)
        return SecretStr(bare.replace("@", f":{self.passwords[role].get_secret_value()}@", 1))

    def environment(self) -> dict[str, SecretStr]:
        """Each role's password, by the environment variable that refers to it."""
        return {f"TMINUS_REHEARSAL_POSTGRES_{role.upper()}_PASSWORD": value for role, value in self.passwords.items()}


class RedisAddress(Address):
    """A Redis primary and, where there is one, its replica; both ask for the same password."""

    port: int
    replica_port: int | None
    password: SecretStr

    def url(self, *, replica: bool = False) -> str:
        """The connection URL without its password."""
        return f"redis://{HOST}:{self.replica_port if replica else self.port}/0"

    def dsn(self, *, replica: bool = False) -> SecretStr:
        """The connection URL with its password, for the moment of use."""
        return SecretStr(self.url(replica=replica).replace("//", f"//:{self.password.get_secret_value()}@", 1))

    def environment(self) -> dict[str, SecretStr]:
        """The password, by the environment variable that refers to it."""
        return {"TMINUS_REHEARSAL_REDIS_PASSWORD": self.password}


class AwsAddress(Address):
    """moto's server, in the place of S3 and Secrets Manager."""

    port: int
    region: str
    bucket: str
    access_key_id: str
    secret_access_key: SecretStr

    @property
    def url(self) -> str:
        """What a client takes as its endpoint URL."""
        return f"http://{HOST}:{self.port}"

    def section(self, prefix: str, access_key: str, secret_key: str, bucket: str = "") -> dict[str, str]:
        """A `buckets` entry of an environment file; the keys are references to secrets."""
        return {
            "bucket": bucket or self.bucket,
            "prefix": prefix,
            "endpoint": self.url,
            "region": self.region,
            "access_key": access_key,
            "secret_key": secret_key,
        }

    def environment(self) -> dict[str, SecretStr]:
        """The variables in which every AWS client looks for its credentials and region."""
        return {
            "AWS_ACCESS_KEY_ID": SecretStr(self.access_key_id),
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": SecretStr(self.region),
            "AWS_EC2_METADATA_DISABLED": SecretStr("true"),
        }


class NginxAddress(Address):
    """The load balancer: a port per service, and the files from which its pools are read."""

    ports: Mapping[str, int]
    folder: Path
    reload: tuple[str, ...]
    """The command line that makes nginx read its configuration again."""

    @property
    def configuration(self) -> Path:
        """The top of the configuration; it includes one file per service."""
        return self.folder / "nginx.conf"

    @property
    def access_log(self) -> Path:
        """One JSON object per request."""
        return self.folder / "access.log"

    @property
    def error_log(self) -> Path:
        """From level notice on, so that reloads can be counted."""
        return self.folder / "error.log"

    def reloads(self) -> int:
        """How often nginx has read its configuration again, by its own log (one line of its own per reload)."""
        lines = self.error_log.read_text(encoding="utf-8").splitlines()
        return sum(line.endswith(": reconfiguring") for line in lines)

    def url(self, service: str) -> str:
        """Where a service is reached."""
        return f"http://{HOST}:{self.ports[service]}"

    def upstream(self, service: str) -> Path:
        """The file that says which instances a service has."""
        return self.folder / "upstreams" / f"{service}.conf"


class PrefectAddress(Address):
    """The Prefect server, its folder, and its work pool."""

    port: int
    home: Path
    work_pool: str = "tminus"

    @property
    def url(self) -> str:
        """Where a browser finds the UI."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """What a client takes as PREFECT_API_URL."""
        return f"{self.url}/api"

    def environment(self) -> dict[str, SecretStr]:
        """The settings that every Prefect client of the rehearsal needs."""
        return {
            "PREFECT_HOME": SecretStr(str(self.home)),
            "PREFECT_API_URL": SecretStr(self.api_url),
            "PREFECT_LOGGING_LEVEL": SecretStr("WARNING"),
            "PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_LEVEL": SecretStr("INFO"),
            "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": SecretStr("INFO"),
            "DO_NOT_TRACK": SecretStr("1"),
        }


class GrafanaAddress(Address):
    """The fake of Grafana, and the file (Prometheus' file_sd format) that says what it scrapes."""

    port: int
    token: SecretStr
    targets: Path
    dashboards: Path

    @property
    def url(self) -> str:
        """What a client takes as Grafana's address."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, SecretStr]:
        """The bearer token, by the environment variable that refers to it."""
        return {"TMINUS_REHEARSAL_GRAFANA_TOKEN": self.token}
