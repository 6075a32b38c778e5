-- Tables of the trading service; both versions use the same.
CREATE TABLE IF NOT EXISTS accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    synthetic boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0),
    price numeric(18, 6) NOT NULL CHECK (price > 0),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'cancelled')),
    service_version text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz
);
CREATE INDEX IF NOT EXISTS orders_by_account ON orders (account_id, id DESC);

-- What happened to each order, and which instance did it.
CREATE TABLE IF NOT EXISTS journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    account_id uuid NOT NULL,
    order_id bigint NOT NULL,
    entry text NOT NULL CHECK (entry IN ('placed', 'cancelled')),
    instance text NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_by_account ON journal (account_id);
