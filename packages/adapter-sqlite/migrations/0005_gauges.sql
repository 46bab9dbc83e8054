-- Gauges: metrics whose events set the value instead of adding to it, and events that wait as observations of one.
ALTER TABLE {definitions} ADD COLUMN gauge INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {inbox} ADD COLUMN observed INTEGER NOT NULL DEFAULT 0;
