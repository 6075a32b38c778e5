-- A small shop that uses what a schema can have, so that a good backup of it is a good test of a comparison.
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE SCHEMA ext;
GRANT USAGE ON SCHEMA ext TO shop;
CREATE EXTENSION hstore SCHEMA ext;
CREATE SCHEMA tminus;
CREATE TABLE tminus.marker (number bigint PRIMARY KEY, at timestamptz NOT NULL);
INSERT INTO tminus.marker VALUES (7, now());
CREATE SCHEMA shop AUTHORIZATION shop;
CREATE SCHEMA "Odd.Names" AUTHORIZATION shop;
SET ROLE shop;
SET search_path = shop, public, ext;
CREATE TYPE status AS ENUM ('new', 'paid', 'it''s gone');
ALTER TYPE status ADD VALUE 'sent' BEFORE 'paid';
CREATE TYPE address AS (street text, zip varchar(10));
CREATE DOMAIN price AS numeric(12, 2) DEFAULT 0 CHECK (VALUE >= 0);
CREATE DOMAIN code AS varchar(8) NOT NULL CHECK (VALUE IN ('a', 'bb', 'ccc'));
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION by_number (provider = libc, locale = 'C.UTF-8');
CREATE SEQUENCE tickets START 1000 INCREMENT 10 CACHE 1;
CREATE SEQUENCE countdown INCREMENT -1 MINVALUE -1000 MAXVALUE 0 START 0;
CREATE SEQUENCE never_used;
CREATE SEQUENCE put_back;
CREATE SEQUENCE far START 9223372036854775000;
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name varchar(40) COLLATE by_number,
    tier varchar(10) NOT NULL DEFAULT 'basic' CHECK (tier IN ('basic', 'plus', 'pro')),
    home address,
    tags ext.hstore DEFAULT 'a=>1',
    gone_with text,
    seen interval DEFAULT '1 day 02:03:04',
    ratio double precision,
    spent money,
    picture bytea,
    profile jsonb DEFAULT '{"b": 1, "a": [1, 2.50]}',
    created timestamptz NOT NULL DEFAULT '2026-01-01 12:00+02');
ALTER TABLE accounts DROP COLUMN gone_with;
CREATE TABLE orders (
    id uuid NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    placed date NOT NULL,
    state status NOT NULL DEFAULT 'new',
    amount price,
    fee numeric GENERATED ALWAYS AS (amount * 0.01) STORED,
    shown text GENERATED ALWAYS AS (upper(note)) VIRTUAL,
    note varchar(20),
    PRIMARY KEY (id, placed)) PARTITION BY RANGE (placed);
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE orders_2026 (note varchar(20), id uuid NOT NULL, account_id bigint NOT NULL, placed date NOT NULL,
    state status NOT NULL DEFAULT 'new', amount price, fee numeric GENERATED ALWAYS AS (amount * 0.01) STORED,
    shown text GENERATED ALWAYS AS (upper(note)) VIRTUAL);
ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
CREATE INDEX orders_by_account ON orders (account_id, placed DESC) INCLUDE (amount) WHERE state <> 'paid';
CREATE TABLE ledger (id serial PRIMARY KEY, account_id bigint REFERENCES accounts, amount numeric NOT NULL,
    kind text NOT NULL, CONSTRAINT known CHECK (kind IN ('debit', 'credit')),
    CONSTRAINT "odd ""one" CHECK (amount BETWEEN -1000000 AND 1000000 AND (kind = 'debit' OR amount > -5)));
CREATE TABLE bookings (room int, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
CREATE TABLE parent (id int, label text);
CREATE TABLE child (extra int) INHERITS (parent);
ALTER TABLE parent ADD COLUMN late text DEFAULT 'x';
CREATE UNLOGGED TABLE scratchpad (id int, v text);
CREATE TABLE "Odd.Names"."Order.Items" ("Key" int PRIMARY KEY, "a ""b""" text, "select" boolean, t text);
CREATE TABLE nothing ();
CREATE TABLE east (id int, v text);
CREATE TABLE west (id int, v text);
CREATE TABLE empty_one (id int);
CREATE INDEX accounts_email_trgm ON accounts USING gin (email gin_trgm_ops);
CREATE INDEX accounts_expr ON accounts (lower(email)) WHERE tier IN ('plus', 'pro');
CREATE UNIQUE INDEX ledger_once ON ledger (account_id, id) NULLS NOT DISTINCT;
CREATE STATISTICS ledger_stats (dependencies) ON account_id, kind FROM ledger;
CREATE FUNCTION total(bigint) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT sum(amount) FROM shop.ledger WHERE account_id = $1';
CREATE FUNCTION doubled(x int, y int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT x * y; END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = shop AS $$
BEGIN NEW.note := coalesce(NEW.note, 'touched'); RETURN NEW; END $$;
CREATE PROCEDURE settle(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE TRIGGER touched BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.note IN ('x', 'y')) EXECUTE FUNCTION touch();
CREATE TRIGGER sleeping BEFORE UPDATE ON orders_2025 FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE orders_2025 DISABLE TRIGGER sleeping;
CREATE VIEW big_orders WITH (security_barrier) AS
    SELECT o.id, a.email, o.amount, o.amount > 100 AS big FROM orders o JOIN accounts a ON a.id = o.account_id
    WHERE a.tier IN ('plus', 'pro') AND o.state = ANY (ARRAY['new', 'sent']::status[]);
CREATE VIEW paid AS SELECT * FROM orders WHERE state = 'paid' WITH CASCADED CHECK OPTION;
CREATE VIEW joined AS SELECT id, p.label, c.more FROM parent p JOIN (SELECT id, extra FROM child) c (id, more) USING (id) ORDER BY id;
CREATE VIEW totals AS WITH x AS (SELECT account_id, sum(amount) s, count(*) FILTER (WHERE kind = 'debit') c FROM ledger
    GROUP BY ROLLUP (account_id)) SELECT x.*, rank() OVER (ORDER BY s DESC NULLS LAST) FROM x
    UNION ALL SELECT NULL, 1.5, 2, EXTRACT(year FROM current_date)::bigint;
CREATE MATERIALIZED VIEW per_tier AS SELECT tier, count(*) AS n FROM accounts GROUP BY tier;
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
CREATE RULE no_change AS ON UPDATE TO empty_one DO INSTEAD NOTHING;
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON accounts FOR SELECT TO "Shop Reader", auditor USING (tier IN ('basic', 'plus') OR email = current_user);
CREATE POLICY strict ON accounts AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (tier <> 'pro');
GRANT SELECT ON accounts, orders TO "Shop Reader";
GRANT SELECT (id, amount), UPDATE (amount) ON ledger TO auditor;
GRANT USAGE ON SCHEMA shop TO auditor, "Shop Reader";
GRANT SELECT, INSERT ON bookings TO auditor WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION total(bigint) FROM PUBLIC;
GRANT USAGE ON SEQUENCE tickets TO auditor;
REVOKE ALL ON TABLE nothing FROM shop;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO auditor;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
RESET ROLE;
SET ROLE auditor;
GRANT SELECT ON bookings TO "Shop Reader";
RESET ROLE;
CREATE FUNCTION logs() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE EVENT TRIGGER log_ddl ON ddl_command_end WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION logs();
CREATE PUBLICATION news FOR TABLE shop.accounts (id, email), shop.ledger WHERE (id > 0) WITH (publish = 'insert');
CREATE TEXT SEARCH CONFIGURATION shop.plain (COPY = simple);
CREATE FUNCTION shop.near(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT lower($1) = lower($2)';
CREATE OPERATOR shop.=~= (LEFTARG = text, RIGHTARG = text, FUNCTION = shop.near);
CREATE CAST (shop.address AS text) WITH INOUT;

INSERT INTO accounts (email, name, tier, home, ratio, spent, picture, created)
SELECT format('customer-%s@shop.test', n), 'Ünïcode ' || n, (ARRAY['basic', 'plus', 'pro'])[1 + n % 3],
       ROW('Street ' || n, n)::address, n / 7.0::float8, n * 1.5::numeric::money, decode(lpad(to_hex(n), 8, '0'), 'hex'),
       '2026-03-29 01:30+01'::timestamptz + make_interval(mins => n)
FROM generate_series(1, 300) n;
INSERT INTO orders (id, account_id, placed, state, amount, note)
SELECT md5(n::text)::uuid, 1 + n % 300, '2025-06-01'::date + n, (ARRAY['new', 'sent', 'paid']::status[])[1 + n % 3],
       n * 1.25, (ARRAY['x', 'z', NULL])[1 + n % 3]
FROM generate_series(1, 900) n;
INSERT INTO ledger (account_id, amount, kind)
SELECT 1 + n % 300, s * n, CASE s WHEN 1 THEN 'debit' ELSE 'debit' END FROM generate_series(1, 400) n, (VALUES (1), (-1)) v (s);
INSERT INTO bookings SELECT n, tstzrange('2026-01-01', '2026-01-02') FROM generate_series(1, 5) n;
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (1, 'c', 5, 'late');
INSERT INTO scratchpad VALUES (1, 'unlogged');
INSERT INTO "Odd.Names"."Order.Items" SELECT n, E'tab\t"quote" ''x'' \\', n % 2 = 0, NULL FROM generate_series(1, 20) n;
INSERT INTO east SELECT n, 'east ' || n FROM generate_series(1, 10) n;
INSERT INTO west SELECT n, 'west ' || n FROM generate_series(1, 10) n;
INSERT INTO nothing DEFAULT VALUES;
SELECT nextval('tickets'), nextval('tickets'), nextval('countdown'), nextval('countdown'), setval('put_back', 50, false),
    nextval('far'), nextval('far');
SELECT lo_from_bytea(0, 'a large object');
SELECT lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'));
ALTER TABLE ledger ADD CONSTRAINT not_old CHECK (id > 2) NOT VALID;
DO $$ DECLARE one oid; BEGIN
    FOR one IN SELECT oid FROM pg_largeobject_metadata LOOP
        EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO tminus_taker', one);
    END LOOP;
END $$;
