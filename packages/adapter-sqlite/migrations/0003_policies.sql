-- What a crossing's policy says of its level, the limit it was measured against, and how many levels a very large jump
-- passed below it without a crossing of their own.
ALTER TABLE {crossings} ADD COLUMN code TEXT;
ALTER TABLE {crossings} ADD COLUMN severity TEXT;
ALTER TABLE {crossings} ADD COLUMN limit_amount INTEGER;
ALTER TABLE {crossings} ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;

-- The amounts that percentages measure against, as versions.
CREATE TABLE {limits} (
  tenant         TEXT NOT NULL,
  metric         TEXT NOT NULL,
  subject        TEXT NOT NULL,
  version        INTEGER NOT NULL,
  amount         INTEGER NOT NULL,
  effective_from TEXT NOT NULL,
  applied        INTEGER NOT NULL DEFAULT 0,
  by             TEXT NOT NULL,
  why            TEXT NOT NULL,
  created_at     TEXT NOT NULL,
  PRIMARY KEY (tenant, metric, subject, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX {#limits_pending} ON {limits} (effective_from) WHERE applied = 0;

-- A trail row without events: from here on its counter is measured against this version.
ALTER TABLE {trail} ADD COLUMN limit_version INTEGER;
