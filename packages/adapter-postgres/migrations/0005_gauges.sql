-- Gauges: metrics whose events set the value instead of adding to it, and events that wait as observations of one.
ALTER TABLE {definitions} ADD COLUMN gauge boolean NOT NULL DEFAULT false;
ALTER TABLE {inbox} ADD COLUMN observed boolean NOT NULL DEFAULT false;
