-- What was heard of messages after they were sent. The key is a table of its own, so that a forgotten message's events can go
-- and a repeat of one is still known; so it is in Postgres, which needs it for another reason too.
CREATE TABLE {delivery_event_keys} (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant      TEXT NOT NULL,
  source      TEXT NOT NULL,
  id          TEXT NOT NULL,
  received_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX {#delivery_event_keys_once} ON {delivery_event_keys} (tenant, source, id);
CREATE INDEX {#delivery_event_keys_received} ON {delivery_event_keys} (received_at);

CREATE TABLE {delivery_events} (
  number        INTEGER PRIMARY KEY,
  tenant        TEXT NOT NULL,
  source        TEXT NOT NULL,
  id            TEXT NOT NULL,
  type          TEXT NOT NULL,
  bounce        TEXT,
  reason        TEXT,
  notification  TEXT,
  recipient_key TEXT,
  about         TEXT NOT NULL,
  occurred_at   TEXT NOT NULL,
  received_at   TEXT NOT NULL,
  via           TEXT NOT NULL,
  url           TEXT,
  position      INTEGER,
  user_agent    TEXT,
  ip            TEXT,
  country       TEXT,
  city          TEXT,
  zone          TEXT,
  device        TEXT,
  client        TEXT,
  raw           TEXT,
  match_at      TEXT
) STRICT;
CREATE INDEX {#delivery_events_tenant} ON {delivery_events} (tenant, number);
CREATE INDEX {#delivery_events_notification} ON {delivery_events} (tenant, notification, number) WHERE notification IS NOT NULL;
CREATE INDEX {#delivery_events_unmatched} ON {delivery_events} (tenant, number) WHERE notification IS NULL;
CREATE INDEX {#delivery_events_address} ON {delivery_events} (tenant, recipient_key, number) WHERE recipient_key IS NOT NULL;
CREATE INDEX {#delivery_events_match} ON {delivery_events} (match_at, number) WHERE match_at IS NOT NULL;
CREATE INDEX {#delivery_events_received} ON {delivery_events} (received_at);

-- What the events of a notification merge into, by core's mergeFacts; kept when its events are forgotten. campaign, template
-- and queued_at are its notification's, here so that figures need no join; template may still change while the notification is
-- not `settled`, that is, was not `sent` when a fact was last merged. marks: core's marksOf, and
-- no generated column as in Postgres, because SQLite takes no index that has one for covering.
CREATE TABLE {delivery_facts} (
  tenant           TEXT NOT NULL,
  notification     TEXT NOT NULL,
  campaign         TEXT NOT NULL,
  template         TEXT NOT NULL,
  queued_at        TEXT NOT NULL,
  settled          INTEGER NOT NULL,
  events           INTEGER NOT NULL,
  sent_at          TEXT,
  delivered_at     TEXT,
  first_opened_at  TEXT,
  last_opened_at   TEXT,
  opens            INTEGER NOT NULL,
  first_clicked_at TEXT,
  last_clicked_at  TEXT,
  clicks           INTEGER NOT NULL,
  bounced_at       TEXT,
  bounce           TEXT,
  bounce_reason    TEXT,
  complained_at    TEXT,
  unsubscribed_at  TEXT,
  failed_at        TEXT,
  marks            INTEGER NOT NULL,
  PRIMARY KEY (tenant, notification)
) STRICT, WITHOUT ROWID;
-- All that figures of a campaign need, in the order in which they are grouped.
CREATE INDEX {#delivery_facts_campaign} ON {delivery_facts} (tenant, campaign, settled, marks, opens, clicks, template, queued_at)
  WHERE campaign <> '';
CREATE INDEX {#delivery_facts_queued} ON {delivery_facts} (tenant, queued_at);

-- What was said of an address, and that a person released it: by what it is forbidden or not, whatever came first.
CREATE TABLE {address_events} (
  tenant        TEXT NOT NULL,
  recipient_key TEXT NOT NULL,
  source        TEXT NOT NULL,
  id            TEXT NOT NULL,
  type          TEXT NOT NULL,
  bounce        TEXT,
  scope         TEXT NOT NULL,
  notification  TEXT,
  reason        TEXT,
  occurred_at   TEXT NOT NULL,
  PRIMARY KEY (tenant, recipient_key, source, id)
) STRICT, WITHOUT ROWID;

-- By what an event says which message it is about.
CREATE INDEX {#notifications_message_id} ON {notifications} (tenant, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX {#notifications_receipt} ON {notifications} (tenant, receipt, recipient_key) WHERE receipt IS NOT NULL;
-- Figures by time, and by template over a time.
CREATE INDEX {#notifications_created} ON {notifications} (tenant, created_at, state, template);
-- The same index with what figures of a campaign group by: nothing of them needs the rows themselves.
DROP INDEX {notifications_campaign};
CREATE INDEX {#notifications_campaign} ON {notifications} (tenant, campaign, state, reason, redrive, template, created_at)
  WHERE campaign <> '';
