-- Messages that people write and keep; see core's stored-template.ts. Their text is in {templates}, under its hash.
CREATE TABLE {message_templates} (
  tenant      TEXT NOT NULL,
  name        TEXT NOT NULL,
  category    TEXT NOT NULL,
  origin      TEXT NOT NULL,
  source      TEXT,
  newest      INTEGER NOT NULL,
  active      INTEGER NOT NULL,
  archived_at TEXT,
  created_at  TEXT NOT NULL,
  PRIMARY KEY (tenant, name)
) STRICT;
CREATE INDEX {#message_templates_category} ON {message_templates} (tenant, category, name);

-- Apart, as in Postgres, where two who make different templates the default have to meet in one row.
CREATE TABLE {template_defaults} (
  tenant   TEXT NOT NULL,
  category TEXT NOT NULL,
  template TEXT NOT NULL,
  PRIMARY KEY (tenant, category)
) STRICT;

CREATE TABLE {template_versions} (
  tenant     TEXT NOT NULL,
  template   TEXT NOT NULL,
  number     INTEGER NOT NULL,
  parent     INTEGER,
  fallback   TEXT NOT NULL,
  tags       TEXT NOT NULL,
  sample     TEXT NOT NULL,
  max_items  INTEGER,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant, template, number)
) STRICT;

CREATE TABLE {template_variants} (
  tenant   TEXT NOT NULL,
  template TEXT NOT NULL,
  version  INTEGER NOT NULL,
  language TEXT NOT NULL,
  hash     TEXT NOT NULL,
  PRIMARY KEY (tenant, template, version, language)
) STRICT;
-- From what was sent back to the template.
CREATE INDEX {#template_variants_hash} ON {template_variants} (tenant, hash);
