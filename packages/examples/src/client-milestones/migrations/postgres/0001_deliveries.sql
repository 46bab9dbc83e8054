-- The example's only table. Everything else is a view over the engine's own tables: nothing is written twice.
CREATE TABLE email_deliveries (
  id           text COLLATE "C" PRIMARY KEY,
  client       text COLLATE "C" NOT NULL,
  address      text NOT NULL,
  status       text NOT NULL CHECK (status IN ('delivered', 'bounced', 'failed')),
  delivered_at timestamptz CHECK (delivered_at IS NOT NULL OR status <> 'delivered')
);

CREATE VIEW clients AS
SELECT id, name, fields ->> 'domain' AS domain
FROM milepost.subjects
WHERE tenant = 'default';

CREATE VIEW members AS
SELECT subject AS client, address AS email, first_name, last_name, role
FROM milepost.members
WHERE tenant = 'default';

CREATE VIEW client_totals AS
SELECT subject AS client, value AS delivered
FROM milepost.counters
WHERE tenant = 'default' AND metric = 'email.delivered' AND period = 'lifetime';

-- "sent" once at least one of the client's people was told; "sent_at" is when the first of them was.
CREATE VIEW client_milestones AS
SELECT
  c.subject AS client,
  c.at AS value,
  c.reached_at,
  c.event_id AS delivery,
  count(n.id) > 0 AS sent,
  min(n.settled_at) AS sent_at
FROM milepost.crossings c
LEFT JOIN milepost.notifications n
  ON n.tenant = c.tenant AND n.source_kind = 'crossing' AND n.source_id = c.id AND n.state = 'sent'
WHERE c.tenant = 'default' AND c.metric = 'email.delivered'
GROUP BY c.tenant, c.id;
