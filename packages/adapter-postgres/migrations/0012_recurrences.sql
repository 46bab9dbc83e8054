-- Campaigns that are sent again and again; see core's recurrence.ts. Each of its dates makes a campaign, or is skipped.
CREATE TABLE {recurrences} (
  tenant     text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  state      text NOT NULL,
  code       text COLLATE "C" NOT NULL DEFAULT '',
  definition jsonb NOT NULL,
  cron       text NOT NULL,
  zone       text NOT NULL,
  otherwise  text,
  catch_up   bigint NOT NULL,
  next_at    timestamptz,
  last       text COLLATE "C",
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX {#recurrences_due} ON {recurrences} (next_at, tenant, id) WHERE state = 'active' AND next_at IS NOT NULL;

CREATE TABLE {recurrence_skips} (
  tenant     text COLLATE "C" NOT NULL,
  recurrence text COLLATE "C" NOT NULL,
  occurrence text COLLATE "C" NOT NULL,
  at         timestamptz NOT NULL,
  reason     text NOT NULL,
  PRIMARY KEY (tenant, recurrence, occurrence)
);
