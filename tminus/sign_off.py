"""The readiness sign-off: a chain of its own, named after the release it is for."""

from tminus.frozen import Frozen


def chain_of(frozen: Frozen) -> str:
    """The chain that holds the sign-off of this launch's release: the same release, the same chain."""
    digest = frozen.created.digests["release"].removeprefix("sha256:")
    return f"sign-off-{frozen.created.system}-{digest[:16]}"
