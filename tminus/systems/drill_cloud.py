"""What of the cloud a drill may break."""

from tminus.credentials import SecretRef
from tminus.systems.section import Section


class RdsInstance(Section):
    """A database instance of Amazon RDS with a standby in another zone (Multi-AZ).

    Attributes:
        instance: its DBInstanceIdentifier, in the region of the environment's `aws`.
        dsn: how clients reach it, by its endpoint's name; may make the schema tminus_drill.
    """

    instance: str
    dsn: SecretRef
