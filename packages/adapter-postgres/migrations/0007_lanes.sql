-- How fast and how much a lane may send, and what of it is taken; see core's lane.ts.
ALTER TABLE {lanes}
  ADD COLUMN rate jsonb,
  ADD COLUMN quota jsonb,
  ADD COLUMN usage jsonb NOT NULL DEFAULT '{"rate":{},"quota":{}}';

-- Where in its lane's quota an attempt took its place, to be given back if it is refused.
ALTER TABLE {attempts} ADD COLUMN slot text;

-- Attempts that do not count towards max_attempts, because the whole way out was out of service.
ALTER TABLE {notifications} ADD COLUMN excused integer NOT NULL DEFAULT 0;
