-- What a crossing's policy says of its level, the limit it was measured against, and how many levels a very large jump
-- passed below it without a crossing of their own.
ALTER TABLE {crossings}
  ADD COLUMN code text,
  ADD COLUMN severity text,
  ADD COLUMN limit_amount bigint,
  ADD COLUMN skipped bigint NOT NULL DEFAULT 0;

-- The amounts that percentages measure against, as versions. A head per subject counts them: what applies a version locks
-- it, and so does an evaluation that has read versions.
CREATE TABLE {limit_heads} (
  tenant  text COLLATE "C" NOT NULL,
  metric  text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  latest  bigint NOT NULL,
  applied bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, metric, subject)
) WITH (fillfactor = 50);
CREATE TABLE {limits} (
  tenant         text COLLATE "C" NOT NULL,
  metric         text COLLATE "C" NOT NULL,
  subject        text COLLATE "C" NOT NULL,
  version        bigint NOT NULL,
  amount         bigint NOT NULL,
  effective_from timestamptz NOT NULL,
  applied        boolean NOT NULL DEFAULT false,
  by             text NOT NULL,
  why            text NOT NULL,
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, metric, subject, version)
);
CREATE INDEX {#limits_pending} ON {limits} (effective_from) WHERE NOT applied;

-- A trail row without events: from here on its counter is measured against this version.
ALTER TABLE {trail} ADD COLUMN limit_version bigint;
