"""What the chains of a ledger are called where they are not launches."""

_SIGN_OFF = "sign-off-"


def sign_off_chain(system: str, release_digest: str) -> str:
    """The chain of a release's readiness sign-off: the same release, the same chain."""
    return f"{_SIGN_OFF}{system}-{release_digest.removeprefix('sha256:')[:16]}"


def is_sign_off(chain: str) -> bool:
    """Whether a chain holds a sign-off, which is answered and neither held, scrubbed nor rolled back."""
    return chain.startswith(_SIGN_OFF)
