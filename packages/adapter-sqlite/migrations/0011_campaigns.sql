-- One message to an audience; see core's campaign.ts. Its row is a gate that each of its notifications passes.
CREATE TABLE {campaigns} (
  tenant        TEXT NOT NULL,
  id            TEXT NOT NULL,
  name          TEXT NOT NULL,
  kind          TEXT NOT NULL,
  state         TEXT NOT NULL,
  detail        TEXT,
  definition    TEXT NOT NULL,
  audience      TEXT NOT NULL,
  code          TEXT NOT NULL DEFAULT '',
  revision      INTEGER NOT NULL DEFAULT 1,
  scheduled_at  TEXT,
  recurrence    TEXT NOT NULL DEFAULT '',
  occurrence    TEXT NOT NULL DEFAULT '',
  chunks        INTEGER NOT NULL DEFAULT 0,
  cursor        TEXT,
  loaded        INTEGER NOT NULL DEFAULT 0,
  look_at       TEXT,
  rejected      INTEGER NOT NULL DEFAULT 0,
  changing      TEXT,
  changed_after TEXT,
  rate          TEXT,
  not_before    TEXT,
  usage         TEXT NOT NULL DEFAULT '{}',
  fence         INTEGER NOT NULL DEFAULT 0,
  tries         INTEGER NOT NULL DEFAULT 0,
  lease_until   TEXT,
  created_at    TEXT NOT NULL,
  started_at    TEXT,
  ended_at      TEXT,
  PRIMARY KEY (tenant, id)
) STRICT;
-- A recurrence is sent once for each of its dates.
CREATE UNIQUE INDEX {#campaigns_occurrence} ON {campaigns} (tenant, recurrence, occurrence) WHERE recurrence <> '';
-- What workers look after.
CREATE INDEX {#campaigns_open} ON {campaigns} (scheduled_at, tenant, id)
  WHERE state IN ('scheduled', 'sending', 'paused') OR changing IS NOT NULL;

-- The campaign that a row must pass; '' for a row of none. A claim hops over the rows of one that is closed.
ALTER TABLE {notifications} ADD COLUMN campaign TEXT NOT NULL DEFAULT '';
-- Who it is from and who is answered, where that is not its notifier's.
ALTER TABLE {notifications} ADD COLUMN sender TEXT;
DROP INDEX {notifications_ready};
CREATE INDEX {#notifications_ready} ON {notifications} (tenant, notifier, campaign, not_before, id) WHERE state = 'pending';
-- How far a campaign is, and what of it an edit or a cancel has to bring along.
CREATE INDEX {#notifications_campaign} ON {notifications} (tenant, campaign, state, reason) WHERE campaign <> '';
CREATE INDEX {#notifications_changing} ON {notifications} (tenant, campaign, id)
  WHERE campaign <> '' AND state IN ('pending', 'leased', 'sending', 'ambiguous');
