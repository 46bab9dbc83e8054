-- One message to an audience; see core's campaign.ts. Its row is a gate that each of its notifications passes.
CREATE TABLE {campaigns} (
  tenant        text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  name          text NOT NULL,
  kind          text COLLATE "C" NOT NULL,
  state         text NOT NULL,
  detail        text,
  definition    jsonb NOT NULL,
  audience      text NOT NULL,
  code          text COLLATE "C" NOT NULL DEFAULT '',
  revision      bigint NOT NULL DEFAULT 1,
  scheduled_at  timestamptz,
  recurrence    text COLLATE "C" NOT NULL DEFAULT '',
  occurrence    text COLLATE "C" NOT NULL DEFAULT '',
  chunks        bigint NOT NULL DEFAULT 0,
  cursor        text,
  loaded        boolean NOT NULL DEFAULT false,
  look_at       timestamptz,
  rejected      bigint NOT NULL DEFAULT 0,
  changing      text,
  changed_after text COLLATE "C",
  rate          jsonb,
  not_before    timestamptz,
  usage         jsonb NOT NULL DEFAULT '{}',
  fence         bigint NOT NULL DEFAULT 0,
  tries         integer NOT NULL DEFAULT 0,
  lease_until   timestamptz,
  created_at    timestamptz NOT NULL,
  started_at    timestamptz,
  ended_at      timestamptz,
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
-- A recurrence is sent once for each of its dates.
CREATE UNIQUE INDEX {#campaigns_occurrence} ON {campaigns} (tenant, recurrence, occurrence) WHERE recurrence <> '';
-- What workers look after.
CREATE INDEX {#campaigns_open} ON {campaigns} (scheduled_at, tenant, id)
  WHERE state IN ('scheduled', 'sending', 'paused') OR changing IS NOT NULL;

-- The campaign that a row must pass; '' for a row of none. A claim hops over the rows of one that is closed.
ALTER TABLE {notifications} ADD COLUMN campaign text COLLATE "C" NOT NULL DEFAULT '';
-- Who it is from and who is answered, where that is not its notifier's.
ALTER TABLE {notifications} ADD COLUMN sender jsonb;
DROP INDEX {notifications_ready};
CREATE INDEX {#notifications_ready} ON {notifications} (tenant, notifier, campaign, not_before, id) WHERE state = 'pending';
-- How far a campaign is, and what of it an edit or a cancel has to bring along.
CREATE INDEX {#notifications_campaign} ON {notifications} (tenant, campaign, state, reason) WHERE campaign <> '';
CREATE INDEX {#notifications_changing} ON {notifications} (tenant, campaign, id)
  WHERE campaign <> '' AND state IN ('pending', 'leased', 'sending', 'ambiguous');
