"""Where a server is, by the secret with its address: to tell two names of the same from two servers."""

import hashlib
from urllib.parse import urlsplit

from pydantic import SecretStr

_PORTS = {"postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379, "http": 80, "https": 443}


def whereabouts(address: SecretStr) -> str:
    """`host:port`, without credentials; a digest of what is no single address.

    Args:
        address: a URL, a PostgreSQL conninfo string, or a client's configuration.
    """
    text = address.get_secret_value()
    if "://" in text:
        url = urlsplit(text)
        return f"{url.hostname or 'localhost'}:{url.port or _PORTS.get(url.scheme, url.scheme)}"
    if "=" in text and not text.lstrip().startswith("{"):
        from psycopg.conninfo import conninfo_to_dict

        parts = conninfo_to_dict(text)
        return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    return hashlib.sha256(text.encode()).hexdigest()
