"""The ledger's tables, in the SQL that SQLite and PostgreSQL share."""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS chain (
        chain TEXT PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL,
        token BIGINT NOT NULL, holder TEXT, lease_until DOUBLE PRECISION NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS event (
        chain TEXT NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (chain, seq))""",
    """CREATE TABLE IF NOT EXISTS environment_lock (
        environment TEXT PRIMARY KEY, chain TEXT NOT NULL, since DOUBLE PRECISION NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS outbox (
        id {serial}, chain TEXT NOT NULL, seq BIGINT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL,
        body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due DOUBLE PRECISION NOT NULL,
        claimed_until DOUBLE PRECISION NOT NULL, made DOUBLE PRECISION NOT NULL, error TEXT, receipt TEXT)""",
    "CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, channel, chain, id)",
    """CREATE TABLE IF NOT EXISTS seen (
        source TEXT NOT NULL, key TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, PRIMARY KEY (source, key))""",
    """CREATE TABLE IF NOT EXISTS environment_pause (
        environment TEXT NOT NULL, channel TEXT NOT NULL, paused_until DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (environment, channel))""",
)
# Columns that the outbox got after it was made. A letter from before it had an environment belongs to none.
LATER = (("environment", "TEXT NOT NULL DEFAULT ''"), ("refusals", "INTEGER NOT NULL DEFAULT 0"))
OF_LATER = "CREATE INDEX IF NOT EXISTS outbox_of ON outbox (state, channel, environment, id)"
# The table that was added last: where it is, all tables and columns are. Whatever changes needs a new table here, or an
# old one under a new name. The one before, `channel_pause`, is left to whoever of the version before still runs.
NEWEST = "environment_pause"
