-- A trail row without events may stand for something that concerns its counter from there on.
ALTER TABLE {trail} ADD COLUMN mark jsonb;

-- When a counter is to be woken although no event comes. Only evaluations write it, so recording's updates stay HOT.
ALTER TABLE {counters} ADD COLUMN wake_at timestamptz;
CREATE INDEX {#counters_wake_at} ON {counters} (wake_at) WHERE wake_at IS NOT NULL;

-- Counters whose evaluation fails. `folded` is the counter's own at that time: a row with another one says nothing any
-- more. The statement that commits an evaluation deletes what its snapshot shows, and a row may come in after that.
CREATE TABLE {parked} (
  tenant          text COLLATE "C" NOT NULL,
  metric          text COLLATE "C" NOT NULL,
  subject         text COLLATE "C" NOT NULL,
  period          text COLLATE "C" NOT NULL,
  folded          bigint NOT NULL,
  reason          text NOT NULL,
  detail          text NOT NULL,
  attempts        integer NOT NULL,
  without_effects boolean NOT NULL DEFAULT false,
  since           timestamptz NOT NULL,
  retry_at        timestamptz NOT NULL,
  PRIMARY KEY (tenant, metric, subject, period)
);

-- What is said of crossings later.
CREATE TABLE {notices} (
  tenant        text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  crossing      text COLLATE "C" NOT NULL,
  milestone     text COLLATE "C" NOT NULL,
  kind          text NOT NULL,
  number        bigint NOT NULL,
  value         bigint NOT NULL,
  noticed_at    timestamptz NOT NULL,
  state         text NOT NULL,
  reason        text,
  detail        text,
  notifications integer NOT NULL DEFAULT 0,
  attempts      integer NOT NULL DEFAULT 0,
  fence         bigint NOT NULL DEFAULT 0,
  lease_until   timestamptz,
  not_before    timestamptz NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, id),
  CONSTRAINT {#notices_once} UNIQUE (tenant, crossing, kind, number)
);
CREATE INDEX {#notices_pending} ON {notices} (not_before, id) WHERE state = 'pending';
CREATE INDEX {#notices_leased} ON {notices} (lease_until) WHERE state = 'leased';

-- The levels of milestones that subjects or tenants have of their own, as versions; a subject of '' is the whole tenant.
-- A head per owner counts them, as for limits.
CREATE TABLE {levels_heads} (
  tenant    text COLLATE "C" NOT NULL,
  milestone text COLLATE "C" NOT NULL,
  subject   text COLLATE "C" NOT NULL,
  latest    bigint NOT NULL,
  applied   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, milestone, subject)
) WITH (fillfactor = 50);
CREATE TABLE {levels} (
  tenant     text COLLATE "C" NOT NULL,
  milestone  text COLLATE "C" NOT NULL,
  subject    text COLLATE "C" NOT NULL,
  version    bigint NOT NULL,
  levels     jsonb,
  applied    boolean NOT NULL DEFAULT false,
  pending    boolean NOT NULL DEFAULT true,
  by         text NOT NULL,
  why        text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, milestone, subject, version)
);
CREATE INDEX {#levels_pending} ON {levels} (created_at) WHERE pending;
