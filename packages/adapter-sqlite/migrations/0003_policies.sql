-- What a crossing's policy says of its level, the limit it was measured against, and how many levels a very large jump
-- passed below it without a crossing of their own.
ALTER TABLE {crossings} ADD COLUMN code TEXT;
ALTER TABLE {crossings} ADD COLUMN severity TEXT;
ALTER TABLE {crossings} ADD COLUMN limit_amount INTEGER;
ALTER TABLE {crossings} ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
