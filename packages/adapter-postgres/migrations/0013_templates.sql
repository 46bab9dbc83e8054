-- Messages that people write and keep; see core's stored-template.ts. Their text is in {templates}, under its hash.
CREATE TABLE {message_templates} (
  tenant      text COLLATE "C" NOT NULL,
  name        text COLLATE "C" NOT NULL,
  category    text COLLATE "C" NOT NULL,
  origin      text COLLATE "C" NOT NULL,
  source      text,
  newest      integer NOT NULL,
  active      integer NOT NULL,
  archived_at timestamptz,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant, name)
);
CREATE INDEX {#message_templates_category} ON {message_templates} (tenant, category, name);

-- Apart, so that two who make different templates the default meet in one row.
CREATE TABLE {template_defaults} (
  tenant   text COLLATE "C" NOT NULL,
  category text COLLATE "C" NOT NULL,
  template text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, category)
);

CREATE TABLE {template_versions} (
  tenant     text COLLATE "C" NOT NULL,
  template   text COLLATE "C" NOT NULL,
  number     integer NOT NULL,
  parent     integer,
  fallback   text NOT NULL,
  tags       jsonb NOT NULL,
  sample     jsonb NOT NULL,
  max_items  integer,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, template, number)
);

CREATE TABLE {template_variants} (
  tenant   text COLLATE "C" NOT NULL,
  template text COLLATE "C" NOT NULL,
  version  integer NOT NULL,
  language text COLLATE "C" NOT NULL,
  hash     text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, template, version, language)
);
-- From what was sent back to the template.
CREATE INDEX {#template_variants_hash} ON {template_variants} (tenant, hash);
