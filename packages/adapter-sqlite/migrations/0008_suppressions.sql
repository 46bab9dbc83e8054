-- Addresses that must not be written to, in one scope or, under '*', in all.
CREATE TABLE {suppressions} (
  tenant        TEXT NOT NULL,
  recipient_key TEXT NOT NULL,
  scope         TEXT NOT NULL,
  reason        TEXT NOT NULL,
  detail        TEXT,
  by            TEXT NOT NULL,
  at            TEXT NOT NULL,
  PRIMARY KEY (tenant, recipient_key, scope)
) STRICT, WITHOUT ROWID;

-- Soft bounces in a row, of addresses that are not suppressed for them yet.
CREATE TABLE {bounces} (
  tenant        TEXT NOT NULL,
  recipient_key TEXT NOT NULL,
  count         INTEGER NOT NULL,
  last_at       TEXT NOT NULL,
  PRIMARY KEY (tenant, recipient_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE {consents} (
  tenant        TEXT NOT NULL,
  recipient_key TEXT NOT NULL,
  scope         TEXT NOT NULL,
  granted       INTEGER NOT NULL,
  source        TEXT NOT NULL,
  by            TEXT NOT NULL,
  at            TEXT NOT NULL,
  PRIMARY KEY (tenant, recipient_key, scope)
) STRICT, WITHOUT ROWID;

ALTER TABLE {notifications} ADD COLUMN scope TEXT NOT NULL DEFAULT 'default';
ALTER TABLE {notifications} ADD COLUMN needs_consent INTEGER NOT NULL DEFAULT 0;
-- What a suppression has to end.
CREATE INDEX {#notifications_address} ON {notifications} (tenant, recipient_key) WHERE state IN ('pending', 'leased');
