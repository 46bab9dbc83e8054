-- Accounts of tenants at providers; see core's provider.ts. Credentials are sealed before they come here.
CREATE TABLE {providers} (
  tenant           TEXT NOT NULL,
  id               TEXT NOT NULL,
  family           TEXT NOT NULL,
  channel          TEXT NOT NULL,
  kind             TEXT NOT NULL,
  name             TEXT NOT NULL,
  sender           TEXT NOT NULL,
  reply_to         TEXT,
  settings         TEXT NOT NULL,
  credentials      TEXT,
  state            TEXT NOT NULL,
  detail           TEXT,
  is_primary       INTEGER NOT NULL DEFAULT 0,
  position         INTEGER NOT NULL DEFAULT 0,
  revision         INTEGER NOT NULL DEFAULT 1,
  renewing_until   TEXT,
  validated_at     TEXT,
  validation_error TEXT,
  created_at       TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE UNIQUE INDEX {#providers_primary} ON {providers} (tenant, channel) WHERE is_primary = 1;
