-- People with addresses. What is known of an address, consent and suppressions, is in tables of its own.
CREATE TABLE {contacts} (
  number          INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant          TEXT NOT NULL,
  id              TEXT NOT NULL,
  address         TEXT NOT NULL,
  recipient_key   TEXT NOT NULL,
  channel         TEXT NOT NULL,
  name            TEXT,
  first_name      TEXT,
  last_name       TEXT,
  locale          TEXT,
  zone            TEXT,
  tags            TEXT NOT NULL,
  fields          TEXT NOT NULL,
  source          TEXT,
  import          TEXT,
  last_emailed_at TEXT,
  bounces         INTEGER NOT NULL DEFAULT 0,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX {#contacts_id} ON {contacts} (tenant, id);
-- The order in which they came, by which a campaign goes through them and finds those that came later: every index of
-- SQLite ends with the number.
CREATE INDEX {#contacts_number} ON {contacts} (tenant);
CREATE INDEX {#contacts_address} ON {contacts} (tenant, recipient_key);

-- What Postgres has an index on the array for.
CREATE TABLE {contact_tags} (
  tenant TEXT NOT NULL,
  tag    TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (tenant, tag, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE {contact_imports} (
  tenant     TEXT NOT NULL,
  id         TEXT NOT NULL,
  line       INTEGER NOT NULL DEFAULT 0,
  read       INTEGER NOT NULL DEFAULT 0,
  created    INTEGER NOT NULL DEFAULT 0,
  changed    INTEGER NOT NULL DEFAULT 0,
  unchanged  INTEGER NOT NULL DEFAULT 0,
  repeated   INTEGER NOT NULL DEFAULT 0,
  rejected   INTEGER NOT NULL DEFAULT 0,
  by         TEXT NOT NULL,
  started_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  ended_at   TEXT,
  PRIMARY KEY (tenant, id)
) STRICT;

CREATE TABLE {rejected_rows} (
  tenant   TEXT NOT NULL,
  import   TEXT NOT NULL,
  line     INTEGER NOT NULL,
  field    TEXT NOT NULL,
  code     TEXT NOT NULL,
  expected TEXT NOT NULL,
  shape    TEXT NOT NULL,
  PRIMARY KEY (tenant, import, line)
) STRICT, WITHOUT ROWID;
