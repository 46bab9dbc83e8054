-- Campaigns that are sent again and again; see core's recurrence.ts. Each of its dates makes a campaign, or is skipped.
CREATE TABLE {recurrences} (
  tenant     TEXT NOT NULL,
  id         TEXT NOT NULL,
  state      TEXT NOT NULL,
  code       TEXT NOT NULL DEFAULT '',
  definition TEXT NOT NULL,
  cron       TEXT NOT NULL,
  zone       TEXT NOT NULL,
  otherwise  TEXT,
  catch_up   INTEGER NOT NULL,
  next_at    TEXT,
  last       TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX {#recurrences_due} ON {recurrences} (next_at, tenant, id) WHERE state = 'active' AND next_at IS NOT NULL;

CREATE TABLE {recurrence_skips} (
  tenant     TEXT NOT NULL,
  recurrence TEXT NOT NULL,
  occurrence TEXT NOT NULL,
  at         TEXT NOT NULL,
  reason     TEXT NOT NULL,
  PRIMARY KEY (tenant, recurrence, occurrence)
) STRICT, WITHOUT ROWID;
