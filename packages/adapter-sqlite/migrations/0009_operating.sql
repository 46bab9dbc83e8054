-- Dead letters: what failed or may have failed. What is sent never gets into it.
CREATE INDEX {#notifications_dead} ON {notifications} (tenant, id) WHERE state IN ('failed', 'unknown');

-- Heartbeats of workers. Without a tenant: a worker works for all. Each beat writes its row anew.
CREATE TABLE {workers} (
  id          TEXT NOT NULL PRIMARY KEY,
  host        TEXT NOT NULL,
  pid         INTEGER NOT NULL,
  version     TEXT NOT NULL,
  concurrency INTEGER NOT NULL,
  in_flight   INTEGER NOT NULL,
  notifiers   TEXT NOT NULL,
  beats_every INTEGER NOT NULL,
  started_at  TEXT NOT NULL,
  seen_at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
