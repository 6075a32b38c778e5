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
    """CREATE TABLE IF NOT EXISTS channel_pause (
        environment TEXT NOT NULL, channel TEXT NOT NULL, paused_until DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (environment, channel))""",
)
# A letter from before it had an environment belongs to none.
LATER = "environment TEXT NOT NULL DEFAULT ''"  # a column that the outbox got after it was made
OF_LATER = "CREATE INDEX IF NOT EXISTS outbox_of ON outbox (state, channel, environment, id)"
NEWEST = "channel_pause"  # the table that was added last: where it is, all of them are
