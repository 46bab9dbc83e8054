-- Accounts of tenants at providers; see core's provider.ts. Credentials are sealed before they come here.
CREATE TABLE {providers} (
  tenant           text COLLATE "C" NOT NULL,
  id               text COLLATE "C" NOT NULL,
  family           text COLLATE "C" NOT NULL,
  channel          text COLLATE "C" NOT NULL,
  kind             text NOT NULL,
  name             text NOT NULL,
  sender           jsonb NOT NULL,
  reply_to         jsonb,
  settings         jsonb NOT NULL,
  credentials      text,
  state            text NOT NULL,
  detail           text,
  is_primary       boolean NOT NULL DEFAULT false,
  position         integer NOT NULL DEFAULT 0,
  revision         bigint NOT NULL DEFAULT 1,
  renewing_until   timestamptz,
  validated_at     timestamptz,
  validation_error text,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX {#providers_primary} ON {providers} (tenant, channel) WHERE is_primary;
