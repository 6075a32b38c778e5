"""Settings of one instance, from environment variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "trading"


class SettingsError(ValueError):
    """The environment does not hold what an instance needs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one instance is and where it finds its servers; what could hold a password is left out of its repr.

    ``postgres_secret`` names the secret with the database's user and password, where the address holds none.
    """

    version: str
    artifact_digest: str
    config_digest: str
    instance: str
    port: int
    postgres_dsn: str = field(repr=False)
    redis_url: str = field(repr=False)
    jwt_key: str = field(repr=False)
    log: Path
    faults: Path | None = None
    postgres_secret: str | None = None

    @property
    def major(self) -> int:
        """First number of the version: 2 for 2.0.0."""
        return int(self.version.split(".", 1)[0])

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from ``TRADING_…`` variables; raises ``SettingsError`` naming every one that is missing or wrong."""
        names = ("VERSION", "ARTIFACT_DIGEST", "CONFIG_DIGEST", "PORT", "PG_DSN", "REDIS_URL", "JWT_KEY", "LOG")
        missing = [f"TRADING_{name}" for name in names if not environ.get(f"TRADING_{name}")]
        if missing:
            message = f"the trading service needs {', '.join(missing)} in its environment; set them and start it again"
            raise SettingsError(message)
        value = {name: environ[f"TRADING_{name}"] for name in names}
        if not value["PORT"].isdecimal():
            message = f"TRADING_PORT is {value['PORT']!r}; expected a port number from 1 to 65535"
            raise SettingsError(message)
        if not value["VERSION"].split(".", 1)[0].isdecimal():
            message = f"TRADING_VERSION is {value['VERSION']!r}; expected numbers with dots, like 2.0.0"
            raise SettingsError(message)
        faults = environ.get("TRADING_FAULTS")
        return cls(
            version=value["VERSION"],
            artifact_digest=value["ARTIFACT_DIGEST"],
            config_digest=value["CONFIG_DIGEST"],
            instance=environ.get("TRADING_INSTANCE") or f"127.0.0.1:{value['PORT']}",
            port=int(value["PORT"]),
            postgres_dsn=value["PG_DSN"],
            redis_url=value["REDIS_URL"],
            jwt_key=value["JWT_KEY"],
            log=Path(value["LOG"]),
            faults=Path(faults) if faults else None,
            postgres_secret=environ.get("TRADING_PG_SECRET") or None,
        )
