-- What a crossing's policy says of its level, the limit it was measured against, and how many levels a very large jump
-- passed below it without a crossing of their own.
ALTER TABLE {crossings}
  ADD COLUMN code text,
  ADD COLUMN severity text,
  ADD COLUMN limit_amount bigint,
  ADD COLUMN skipped bigint NOT NULL DEFAULT 0;
