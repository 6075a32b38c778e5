"""Which builds of the trading service exist, and their digests for ``release.yaml``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

PREVIOUS, NEXT = "1.9.0", "2.0.0"
_SOURCES = Path(__file__).parent / "trading"


@dataclass(frozen=True, slots=True)
class Build:
    """One build: its version and the digests (``sha256:`` and 64 hexadecimal digits) of artifact and configuration."""

    version: str
    artifact_digest: str
    config_digest: str


def trading_build(version: str) -> Build:
    """Build of ``version``: the same digests whenever and wherever they are computed from the same sources.

    The artifact digest covers the service's source files by name and content; the configuration digest covers the
    settings that are the same in every instance. Both cover the version, which is what switches features on.
    """
    artifact = hashlib.sha256(f"trading {version}\n".encode())
    for path in sorted(_SOURCES.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        artifact.update(f"{path.relative_to(_SOURCES).as_posix()} {content}\n".encode())
    settings = {"version": version, "token_algorithm": "HS256", "token_lifetime_s": 3600}
    config = hashlib.sha256(json.dumps(settings, sort_keys=True, separators=(",", ":")).encode())
    return Build(version, f"sha256:{artifact.hexdigest()}", f"sha256:{config.hexdigest()}")
