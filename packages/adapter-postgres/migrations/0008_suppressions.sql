-- Addresses that must not be written to, in one scope or, under '*', in all.
CREATE TABLE {suppressions} (
  tenant        text COLLATE "C" NOT NULL,
  recipient_key text COLLATE "C" NOT NULL,
  scope         text COLLATE "C" NOT NULL,
  reason        text NOT NULL,
  detail        text,
  by            text NOT NULL,
  at            timestamptz NOT NULL,
  PRIMARY KEY (tenant, recipient_key, scope)
);

-- Soft bounces in a row, of addresses that are not suppressed for them yet.
CREATE TABLE {bounces} (
  tenant        text COLLATE "C" NOT NULL,
  recipient_key text COLLATE "C" NOT NULL,
  count         integer NOT NULL,
  last_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant, recipient_key)
);

CREATE TABLE {consents} (
  tenant        text COLLATE "C" NOT NULL,
  recipient_key text COLLATE "C" NOT NULL,
  scope         text COLLATE "C" NOT NULL,
  granted       boolean NOT NULL,
  source        text NOT NULL,
  by            text NOT NULL,
  at            timestamptz NOT NULL,
  PRIMARY KEY (tenant, recipient_key, scope)
);

ALTER TABLE {notifications}
  ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT 'default',
  ADD COLUMN needs_consent boolean NOT NULL DEFAULT false;
-- What a suppression has to end.
CREATE INDEX {#notifications_address} ON {notifications} (tenant, recipient_key)
  WHERE state IN ('pending', 'leased', 'sending', 'ambiguous');
