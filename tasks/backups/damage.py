"""What tells a backup that cannot be restored from a restore that could not be tried."""

from tminus.errors import TminusError


class Damaged(TminusError):
    """What was fetched cannot be what was stored, or does not come up: `restored = no`. The message is the reason."""
