-- Dead letters: what failed or may have failed. What is sent never gets into it.
CREATE INDEX {#notifications_dead} ON {notifications} (tenant, id) WHERE state IN ('failed', 'unknown');

-- Heartbeats of workers. Without a tenant: a worker works for all. Each beat writes its row anew, and no index has what it
-- changes.
CREATE TABLE {workers} (
  id          text COLLATE "C" PRIMARY KEY,
  host        text NOT NULL,
  pid         bigint NOT NULL,
  version     text NOT NULL,
  concurrency bigint NOT NULL,
  in_flight   bigint NOT NULL,
  notifiers   jsonb NOT NULL,
  beats_every bigint NOT NULL,
  started_at  timestamptz NOT NULL,
  seen_at     timestamptz NOT NULL
) WITH (fillfactor = 50);
