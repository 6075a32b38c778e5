CREATE ROLE shop LOGIN PASSWORD 'shop';
CREATE ROLE "Shop Reader" NOLOGIN;
CREATE ROLE auditor NOLOGIN;
CREATE ROLE tminus_taker LOGIN BYPASSRLS PASSWORD 'taker';
GRANT pg_read_all_data, pg_monitor TO tminus_taker;
CREATE DATABASE shop OWNER shop;
