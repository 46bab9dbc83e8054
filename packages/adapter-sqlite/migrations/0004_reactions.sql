-- A trail row without events may stand for something that concerns its counter from there on.
ALTER TABLE {trail} ADD COLUMN mark TEXT;

-- When a counter is to be woken although no event comes.
ALTER TABLE {counters} ADD COLUMN wake_at TEXT;
CREATE INDEX {#counters_wake_at} ON {counters} (wake_at) WHERE wake_at IS NOT NULL;

-- Counters whose evaluation fails.
CREATE TABLE {parked} (
  tenant          TEXT NOT NULL,
  metric          TEXT NOT NULL,
  subject         TEXT NOT NULL,
  period          TEXT NOT NULL,
  reason          TEXT NOT NULL,
  detail          TEXT NOT NULL,
  attempts        INTEGER NOT NULL,
  without_effects INTEGER NOT NULL DEFAULT 0,
  since           TEXT NOT NULL,
  retry_at        TEXT NOT NULL,
  PRIMARY KEY (tenant, metric, subject, period)
) STRICT, WITHOUT ROWID;

-- What is said of crossings later.
CREATE TABLE {notices} (
  tenant        TEXT NOT NULL,
  id            TEXT NOT NULL,
  crossing      TEXT NOT NULL,
  milestone     TEXT NOT NULL,
  kind          TEXT NOT NULL,
  number        INTEGER NOT NULL,
  value         INTEGER NOT NULL,
  noticed_at    TEXT NOT NULL,
  state         TEXT NOT NULL,
  reason        TEXT,
  detail        TEXT,
  notifications INTEGER NOT NULL DEFAULT 0,
  attempts      INTEGER NOT NULL DEFAULT 0,
  fence         INTEGER NOT NULL DEFAULT 0,
  lease_until   TEXT,
  not_before    TEXT NOT NULL,
  created_at    TEXT NOT NULL,
  PRIMARY KEY (tenant, id),
  CONSTRAINT {#notices_once} UNIQUE (tenant, crossing, kind, number)
) STRICT;
CREATE INDEX {#notices_pending} ON {notices} (not_before, id) WHERE state = 'pending';
CREATE INDEX {#notices_leased} ON {notices} (lease_until) WHERE state = 'leased';

-- The levels of milestones that subjects or tenants have of their own, as versions; a subject of '' is the whole tenant.
CREATE TABLE {levels} (
  tenant     TEXT NOT NULL,
  milestone  TEXT NOT NULL,
  subject    TEXT NOT NULL,
  version    INTEGER NOT NULL,
  levels     TEXT,
  applied    INTEGER NOT NULL DEFAULT 0,
  pending    INTEGER NOT NULL DEFAULT 1,
  by         TEXT NOT NULL,
  why        TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant, milestone, subject, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX {#levels_pending} ON {levels} (created_at) WHERE pending = 1;
