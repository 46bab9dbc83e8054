-- What was heard of messages after they were sent. The events are partitioned, and a unique key of a partitioned table must
-- contain what it is partitioned by: two copies of one event that come in two months would both be new. So the keys are a
-- table of their own, narrow and not partitioned.
CREATE TABLE {delivery_event_keys} (
  tenant      text COLLATE "C" NOT NULL,
  source      text COLLATE "C" NOT NULL,
  id          text COLLATE "C" NOT NULL,
  number      bigint GENERATED ALWAYS AS IDENTITY,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, source, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX {#delivery_event_keys_received} ON {delivery_event_keys} (received_at);

-- By the month in which they were received and not in which they occurred: that one is always known beforehand, so its
-- partition is there, and a provider's clock cannot scatter rows over all years.
CREATE TABLE {delivery_events} (
  number        bigint NOT NULL,
  tenant        text COLLATE "C" NOT NULL,
  source        text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  type          text NOT NULL,
  bounce        text,
  reason        text,
  notification  text COLLATE "C",
  recipient_key text COLLATE "C",
  about         jsonb NOT NULL,
  occurred_at   timestamptz NOT NULL,
  received_at   timestamptz NOT NULL,
  via           text NOT NULL,
  url           text,
  position      integer,
  user_agent    text,
  ip            text,
  country       text,
  city          text,
  zone          text,
  device        text,
  client        text,
  raw           jsonb,
  match_at      timestamptz
) PARTITION BY RANGE (received_at);
CREATE INDEX {#delivery_events_tenant} ON {delivery_events} (tenant, number);
CREATE INDEX {#delivery_events_notification} ON {delivery_events} (tenant, notification, number) WHERE notification IS NOT NULL;
CREATE INDEX {#delivery_events_unmatched} ON {delivery_events} (tenant, number) WHERE notification IS NULL;
CREATE INDEX {#delivery_events_address} ON {delivery_events} (tenant, recipient_key, number) WHERE recipient_key IS NOT NULL;
CREATE INDEX {#delivery_events_match} ON {delivery_events} (match_at, number) WHERE match_at IS NOT NULL;
-- For months that nobody prepared: nothing is ever refused.
CREATE TABLE {delivery_events_else} PARTITION OF {delivery_events} DEFAULT;
CREATE INDEX {#delivery_events_else_received} ON {delivery_events_else} (received_at);

-- What the events of a notification merge into, by core's mergeFacts; kept when its events are forgotten. campaign, template
-- and queued_at are its notification's, here so that figures need no join; template may still change while the notification is
-- not `settled`, that is, was not `sent` when a fact was last merged. marks: core's marksOf.
CREATE TABLE {delivery_facts} (
  tenant           text COLLATE "C" NOT NULL,
  notification     text COLLATE "C" NOT NULL,
  campaign         text COLLATE "C" NOT NULL,
  template         text COLLATE "C" NOT NULL,
  queued_at        timestamptz NOT NULL,
  settled          boolean NOT NULL,
  events           bigint NOT NULL,
  sent_at          timestamptz,
  delivered_at     timestamptz,
  first_opened_at  timestamptz,
  last_opened_at   timestamptz,
  opens            bigint NOT NULL,
  first_clicked_at timestamptz,
  last_clicked_at  timestamptz,
  clicks           bigint NOT NULL,
  bounced_at       timestamptz,
  bounce           text COLLATE "C",
  bounce_reason    text COLLATE "C",
  complained_at    timestamptz,
  unsubscribed_at  timestamptz,
  failed_at        timestamptz,
  marks            integer NOT NULL GENERATED ALWAYS AS (
    CASE WHEN sent_at IS NULL THEN 0 ELSE 1 END + CASE WHEN delivered_at IS NULL THEN 0 ELSE 2 END
    + CASE WHEN first_opened_at IS NULL THEN 0 ELSE 4 END + CASE WHEN first_clicked_at IS NULL THEN 0 ELSE 8 END
    + CASE WHEN bounce = 'soft' THEN 16 ELSE 0 END + CASE WHEN bounce = 'hard' THEN 32 ELSE 0 END
    + CASE WHEN complained_at IS NULL THEN 0 ELSE 64 END + CASE WHEN unsubscribed_at IS NULL THEN 0 ELSE 128 END
    + CASE WHEN failed_at IS NULL THEN 0 ELSE 256 END
  ) STORED,
  PRIMARY KEY (tenant, notification)
) WITH (fillfactor = 70);
-- All that figures of a campaign need, in the order in which they are grouped.
CREATE INDEX {#delivery_facts_campaign} ON {delivery_facts} (tenant, campaign, settled, marks, opens, clicks, template, queued_at)
  WHERE campaign <> '';
CREATE INDEX {#delivery_facts_queued} ON {delivery_facts} (tenant, queued_at);

-- What was said of an address, and that a person released it: by what it is forbidden or not, whatever came first.
CREATE TABLE {address_events} (
  tenant        text COLLATE "C" NOT NULL,
  recipient_key text COLLATE "C" NOT NULL,
  source        text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  type          text NOT NULL,
  bounce        text,
  scope         text COLLATE "C" NOT NULL,
  notification  text COLLATE "C",
  reason        text,
  occurred_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, recipient_key, source, id)
);

-- By what an event says which message it is about.
CREATE INDEX {#notifications_message_id} ON {notifications} (tenant, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX {#notifications_receipt} ON {notifications} (tenant, receipt, recipient_key) WHERE receipt IS NOT NULL;
-- Figures by time, and by template over a time.
CREATE INDEX {#notifications_created} ON {notifications} (tenant, created_at, state, template);
-- The same index with what figures of a campaign group by: nothing of them needs the rows themselves.
DROP INDEX {notifications_campaign};
CREATE INDEX {#notifications_campaign} ON {notifications} (tenant, campaign, state, reason, redrive, template, created_at)
  WHERE campaign <> '';
