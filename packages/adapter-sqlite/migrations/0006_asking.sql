-- A subject's crossings in the order of their ids: to list them, and to forget the subject. The key's own index has the
-- milestone before the subject.
CREATE INDEX {#crossings_subject} ON {crossings} (tenant, subject, id);

-- What was not sent, to count it by reason without reading what was. A crossing that is announced, and a notification that
-- is sent at the first try, never get into these.
CREATE INDEX {#crossings_unsent} ON {crossings} (tenant, created_at, milestone, reason) WHERE reason IS NOT NULL;
CREATE INDEX {#notifications_unsent} ON {notifications} (tenant, created_at, reason) WHERE reason IS NOT NULL;

-- Levels that a subject has of its own, whatever the milestone: to forget the subject.
CREATE INDEX {#levels_subject} ON {levels} (tenant, subject);

-- Notices that ended unsent, to count them by reason without reading those that were announced.
CREATE INDEX {#notices_unsent} ON {notices} (tenant, created_at, milestone, reason) WHERE reason IS NOT NULL;
