"""Signing keys for bench.rotation, each published in a key set of its own, which a site serves with its lifetime."""

import json
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from bench.rotation_place import MAX_AGE, Place

TOKEN_LIVES = 2.0
"""Seconds for which a token is valid."""


def make_keys(at: Place, names: Iterable[str]) -> None:
    """Each signs tokens; its private half is in Secrets Manager under its name."""
    for name in names:
        private = generate_private_key(SECP256R1())
        kid = f"{name}-first"
        public = {**json.loads(ECAlgorithm.to_jwk(private.public_key())), "kid": kid, "alg": "ES256", "use": "sig"}
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        body = json.dumps({"keys": [public]}).encode()
        at.s3.put_object(Bucket=at.aws.address.bucket, Key=_object(name), Body=body)
        at.put_first(name, {"kid": kid, "algorithm": "ES256", "private_key": pem})


def published(at: Place, name: str) -> str:
    """Where a key's public half is fetched."""
    return f"{at.site}/{_object(name)}"


def published_ids(at: Place, name: str) -> list[str]:
    """The ids in a key's set, as the bucket has it."""
    read = at.s3.get_object(Bucket=at.aws.address.bucket, Key=_object(name))["Body"].read()
    return [str(key["kid"]) for key in json.loads(read)["keys"]]


def policy(name: str, reads_every: float) -> dict[str, object]:
    """What the book says of one besides what it says of all."""
    return {
        "kind": "jwt.keys",
        "bucket": "keys",
        "key": _object(name),
        "urls": [{"endpoint": "site", "path": f"/{_object(name)}"}],
        "token_lifetime": f"{TOKEN_LIVES:g}s",
        "max_cache": f"{2 * MAX_AGE:g}s",
        "signer_reads_every": f"{reads_every:g}s",
    }


def _object(name: str) -> str:
    return f"{name}.json"
