-- Definitions that change while counters run: every milestone as data, with its own fingerprint and the generations it
-- came and changed with; what was replaced or removed; and how far running counters have met what is new. Milestones were
-- only names before: known since ever, and without a fingerprint, so that the next install counts as an edit.
ALTER TABLE {definitions}
  ADD COLUMN retain text NOT NULL DEFAULT 'ids',
  ADD COLUMN event_retention bigint,
  ADD COLUMN former jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN removed jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN adopted bigint NOT NULL DEFAULT 0,
  DROP COLUMN fingerprint;
UPDATE {definitions} SET milestones = coalesce((
  SELECT jsonb_agg(jsonb_build_object('name', m.name, 'fingerprint', '', 'added', 0, 'changed', 0, 'birth', births -> 0))
  FROM jsonb_array_elements_text(milestones) AS m (name)
), '[]');
ALTER TABLE {trail} ADD COLUMN generation bigint NOT NULL DEFAULT 0;

-- Only ids of a metric with a finite retention have a time; the others pay for neither column nor index.
ALTER TABLE {events} ADD COLUMN occurred_at timestamptz;
CREATE INDEX {#events_occurred_at} ON {events} (metric, occurred_at) WHERE occurred_at IS NOT NULL;

-- What metrics that retain events keep, in the order of effect: the lifetime counter's rev, and the place in its batch.
CREATE TABLE {retained_events} (
  tenant      text COLLATE "C" NOT NULL,
  metric      text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  rev         bigint NOT NULL,
  place       integer NOT NULL,
  id          text COLLATE "C" NOT NULL,
  amount      bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  value       bigint NOT NULL,
  PRIMARY KEY (tenant, metric, subject, rev, place)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX {#retained_events_occurred_at} ON {retained_events} (metric, occurred_at);

-- Events recorded in transactions of the host. No unique key on the event: the second of two open transactions with one
-- id would wait for the first. The key is the number alone, without the tenant: draining goes through all tenants.
CREATE TABLE {inbox} (
  number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant      text COLLATE "C" NOT NULL,
  metric      text COLLATE "C" NOT NULL,
  id          text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  amount      bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  refusal     jsonb
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX {#inbox_refused} ON {inbox} (number) WHERE refusal IS NOT NULL;
