-- Text that is compared is COLLATE "C": bytewise, the same on every machine and as SQLite and core compare it.
-- Every key starts with the tenant; definitions and migrations have none.

CREATE TABLE {definitions} (
  metric      text COLLATE "C" PRIMARY KEY,
  generation  bigint NOT NULL,
  fingerprint text NOT NULL,
  decrements  boolean NOT NULL,
  births      jsonb NOT NULL,
  milestones  jsonb NOT NULL
);

-- Remembered event ids: the whole of "counted exactly once". Large, append-only, so autovacuum must not wait for 20%.
CREATE TABLE {events} (
  tenant text COLLATE "C" NOT NULL,
  metric text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, metric, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- What a counter may hold: JavaScript's safe integers. counters.add casts to it the lowest and highest value on a batch's
-- way. A CHECK of the table would look at the proposed row of ON CONFLICT as well, which holds only the batch's own sums.
CREATE DOMAIN {safe_integer} AS bigint
  CONSTRAINT {#counters_value_safe} CHECK (VALUE BETWEEN -9007199254740991 AND 9007199254740991);

-- fillfactor 50 and no index on anything that recording changes, not even in a partial index's predicate: updates stay
-- HOT. dip and peak are the lowest and highest value on the last batch's way, place is the counter's place in that batch:
-- columns, because EXCLUDED is the only way to hand per-row figures to ON CONFLICT DO UPDATE, and RETURNING the only way
-- back.
CREATE TABLE {counters} (
  tenant     text COLLATE "C" NOT NULL,
  metric     text COLLATE "C" NOT NULL,
  subject    text COLLATE "C" NOT NULL,
  period     text COLLATE "C" NOT NULL,
  value      bigint NOT NULL,
  rev        bigint NOT NULL,
  folded     bigint NOT NULL DEFAULT 0,
  due        boolean NOT NULL,
  below      bigint,
  above      bigint,
  dip        bigint NOT NULL,
  peak       bigint NOT NULL,
  place      integer NOT NULL,
  generation bigint NOT NULL DEFAULT 0,
  state      jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant, metric, subject, period)
) WITH (fillfactor = 50);

-- A counter is due exactly while it has rows here, so the sweep finds due counters without an index on counters.
CREATE TABLE {trail} (
  tenant       text COLLATE "C" NOT NULL,
  metric       text COLLATE "C" NOT NULL,
  subject      text COLLATE "C" NOT NULL,
  period       text COLLATE "C" NOT NULL,
  rev          bigint NOT NULL,
  from_value   bigint NOT NULL,
  ids          text[] NOT NULL,
  amounts      bigint[] NOT NULL,
  occurred_ats timestamptz[] NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant, metric, subject, period, rev)
);
CREATE INDEX {#trail_recorded_at} ON {trail} (recorded_at);

CREATE TABLE {crossings} (
  tenant        text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  milestone     text COLLATE "C" NOT NULL,
  metric        text COLLATE "C" NOT NULL,
  subject       text COLLATE "C" NOT NULL,
  period        text COLLATE "C" NOT NULL,
  threshold     text COLLATE "C" NOT NULL,
  limit_version bigint NOT NULL,
  arming        bigint NOT NULL,
  at            bigint NOT NULL,
  direction     text NOT NULL,
  previous      bigint NOT NULL,
  value         bigint NOT NULL,
  event_id      text COLLATE "C" NOT NULL,
  reached_at    timestamptz NOT NULL,
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
  CONSTRAINT {#crossings_once} UNIQUE (tenant, milestone, subject, period, threshold, limit_version, arming)
);
CREATE INDEX {#crossings_event} ON {crossings} (tenant, metric, event_id);
CREATE INDEX {#crossings_pending} ON {crossings} (not_before, id) WHERE state = 'pending';
CREATE INDEX {#crossings_leased} ON {crossings} (lease_until) WHERE state = 'leased';

-- What is said, once per content: notifications hold the hash and their data.
CREATE TABLE {templates} (
  tenant     text COLLATE "C" NOT NULL,
  hash       text COLLATE "C" NOT NULL,
  content    jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, hash)
);

CREATE TABLE {lanes} (
  tenant     text COLLATE "C" NOT NULL,
  notifier   text COLLATE "C" NOT NULL,
  paused     boolean NOT NULL DEFAULT false,
  not_before timestamptz,
  PRIMARY KEY (tenant, notifier)
);

CREATE TABLE {notifications} (
  tenant           text COLLATE "C" NOT NULL,
  id               text COLLATE "C" NOT NULL,
  source_kind      text COLLATE "C" NOT NULL,
  source_id        text COLLATE "C" NOT NULL,
  channel          text COLLATE "C" NOT NULL,
  recipient_key    text COLLATE "C" NOT NULL,
  item_key         text COLLATE "C" NOT NULL,
  redrive          integer NOT NULL DEFAULT 0,
  redrive_of       text,
  notifier         text COLLATE "C" NOT NULL,
  mode             text NOT NULL,
  key_lifetime     bigint,
  recipient        jsonb NOT NULL,
  template         text COLLATE "C" NOT NULL,
  data             jsonb NOT NULL,
  state            text NOT NULL DEFAULT 'pending',
  reason           text,
  detail           text,
  not_before       timestamptz NOT NULL,
  expires_at       timestamptz,
  attempts         integer NOT NULL DEFAULT 0,
  max_attempts     integer NOT NULL,
  claims           integer NOT NULL DEFAULT 0,
  fence            bigint NOT NULL DEFAULT 0,
  lease_until      timestamptz,
  horizon_at       timestamptz,
  first_marked_at  timestamptz,
  key_until        timestamptz,
  message_id       text,
  idempotency_key  text,
  payload_hash     text,
  payload          jsonb,
  receipt          text,
  was_ambiguous    boolean NOT NULL DEFAULT false,
  cancel_requested boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL,
  settled_at       timestamptz,
  PRIMARY KEY (tenant, id),
  CONSTRAINT {#notifications_once}
    UNIQUE (tenant, source_kind, source_id, channel, recipient_key, item_key, redrive)
) WITH (fillfactor = 70);
CREATE INDEX {#notifications_ready} ON {notifications} (tenant, notifier, not_before, id) WHERE state = 'pending';
CREATE INDEX {#notifications_expiring} ON {notifications} (expires_at) WHERE state = 'pending' AND expires_at IS NOT NULL;
CREATE INDEX {#notifications_leased} ON {notifications} (lease_until) WHERE state IN ('leased', 'sending');
CREATE INDEX {#notifications_ambiguous} ON {notifications} (horizon_at) WHERE state = 'ambiguous';

CREATE TABLE {attempts} (
  tenant       text COLLATE "C" NOT NULL,
  notification text COLLATE "C" NOT NULL,
  number       integer NOT NULL,
  fence        bigint NOT NULL,
  started_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  outcome      text,
  detail       text,
  PRIMARY KEY (tenant, notification, number)
);

-- Append-only: who did what to which thing, when and why.
CREATE TABLE {acts} (
  tenant    text COLLATE "C" NOT NULL,
  number    bigint GENERATED ALWAYS AS IDENTITY,
  entity    text COLLATE "C" NOT NULL,
  entity_id text COLLATE "C" NOT NULL,
  act       text NOT NULL,
  by        text NOT NULL,
  why       text NOT NULL,
  at        timestamptz NOT NULL,
  PRIMARY KEY (tenant, number)
);
CREATE INDEX {#acts_entity} ON {acts} (tenant, entity, entity_id, number);

CREATE TABLE {subjects} (
  tenant text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,
  name   text NOT NULL,
  locale text,
  zone   text,
  fields jsonb NOT NULL,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE {members} (
  tenant     text COLLATE "C" NOT NULL,
  subject    text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  address    text NOT NULL,
  name       text,
  first_name text,
  last_name  text,
  role       text COLLATE "C",
  locale     text,
  zone       text,
  PRIMARY KEY (tenant, subject, id)
);
