-- Levels that a subject has of its own, whatever the milestone: to forget the subject.
CREATE INDEX {#levels_subject} ON {levels} (tenant, subject);

-- Notices that ended unsent, to count them by reason without reading those that were announced.
CREATE INDEX {#notices_unsent} ON {notices} (tenant, created_at, milestone, reason) WHERE reason IS NOT NULL;
