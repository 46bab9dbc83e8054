-- People with addresses. What is known of an address, consent and suppressions, is in tables of its own.
-- last_emailed_at and bounces are in no index, and there is room on each page: who writes them stays HOT.
CREATE TABLE {contacts} (
  tenant          text COLLATE "C" NOT NULL,
  id              text COLLATE "C" NOT NULL,
  number          bigint GENERATED ALWAYS AS IDENTITY,
  address         text COLLATE "C" NOT NULL,
  recipient_key   text COLLATE "C" NOT NULL,
  channel         text COLLATE "C" NOT NULL,
  name            text,
  first_name      text,
  last_name       text,
  locale          text COLLATE "C",
  zone            text COLLATE "C",
  tags            text[] COLLATE "C" NOT NULL,
  fields          jsonb NOT NULL,
  source          text COLLATE "C",
  import          text COLLATE "C",
  last_emailed_at timestamptz,
  bounces         bigint NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 85);
-- The order in which they came, by which a campaign goes through them and finds those that came later.
CREATE UNIQUE INDEX {#contacts_number} ON {contacts} (tenant, number);
CREATE INDEX {#contacts_address} ON {contacts} (tenant, recipient_key);
CREATE INDEX {#contacts_tags} ON {contacts} USING gin (tags);

CREATE TABLE {contact_imports} (
  tenant     text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  line       bigint NOT NULL DEFAULT 0,
  read       bigint NOT NULL DEFAULT 0,
  created    bigint NOT NULL DEFAULT 0,
  changed    bigint NOT NULL DEFAULT 0,
  unchanged  bigint NOT NULL DEFAULT 0,
  repeated   bigint NOT NULL DEFAULT 0,
  rejected   bigint NOT NULL DEFAULT 0,
  by         text NOT NULL,
  started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  ended_at   timestamptz,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE {rejected_rows} (
  tenant   text COLLATE "C" NOT NULL,
  import   text COLLATE "C" NOT NULL,
  line     bigint NOT NULL,
  field    text NOT NULL,
  code     text NOT NULL,
  expected text NOT NULL,
  shape    text NOT NULL,
  PRIMARY KEY (tenant, import, line)
);
