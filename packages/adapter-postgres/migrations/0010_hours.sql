-- The hours within which a message may go out, and when they close next; see core's hours.ts.
ALTER TABLE {notifications}
  ADD COLUMN hours jsonb,
  ADD COLUMN open_until timestamptz;
CREATE INDEX {#notifications_closing} ON {notifications} (open_until, id) WHERE state = 'pending' AND open_until IS NOT NULL;
