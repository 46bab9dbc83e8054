import type { CrossingRepository } from "@milepost/core/store";
import { addressLock } from "./address-lock.js";
import type { Database } from "./driver.js";
import { queuedNotifications } from "./queued-notifications.js";
import { textArray, time } from "./values.js";

/** What is announced: rows of `table`, aliased `c` in `columns`, whose notifications have this source kind. */
export interface Announceable {
  readonly table: "crossings" | "notices";
  readonly kind: "crossing" | "notice";
  readonly columns: string;
}

export interface AnnouncementSteps<Claimed> extends Pick<CrossingRepository, "announce" | "release"> {
  claim(input: Parameters<CrossingRepository["claim"]>[0]): Promise<readonly Claimed[]>;
}

interface Row {
  readonly state: "leased" | "announced" | "unaddressed";
  readonly notifications: number;
  readonly woken: unknown;
}

/** Claiming, announcing and giving back: the same for crossings and for what is said of them later. */
export function announcementSteps<Claimed>(database: Database, about: Announceable): AnnouncementSteps<Claimed> {
  const claim = database.statement(`${about.table}_claim`, claimText(about));
  const announce = database.tellingStatement(`${about.table}_announce`, "added WHERE state = 'pending'", (woken) =>
    announceText(about, woken),
  );
  const release = database.statement(`${about.table}_release`, releaseText(about));

  return {
    claim: ({ milestones, limit, lease, now }) =>
      database.run<Claimed>(claim, [textArray(milestones), limit, lease, time(now)]),

    async announce({ tenant, id, fence, notifications, templates, last, lease, now }) {
      const added = notifications.map(({ notBefore, expiresAt, openUntil, ...notification }) => ({
        ...notification,
        notBefore: time(notBefore),
        expiresAt: time(expiresAt),
        openUntil: time(openUntil),
      }));
      const what = [JSON.stringify(added), JSON.stringify(templates), last];
      const values = [tenant, id, fence, ...what, lease, time(now), addressLock(database, tenant)];
      const [row] = await database.tell(announce, (statement) => database.run<Row>(statement, values));
      if (row === undefined) return { result: "lost", notifications: 0 };
      return { result: row.state === "leased" ? "continued" : row.state, notifications: row.notifications };
    },

    async release({ tenant, id, fence, to, retryIn, refund, reason, detail, now }) {
      const values = [tenant, id, fence, to, retryIn, refund, reason, detail, time(now)];
      return (await database.run(release, values)).length > 0;
    },
  };
}

// Two branches, each with its own partial index. Both may lock up to the limit; what is not taken is free at the commit.
const claimText = ({ table, columns }: Announceable): string => `
WITH step AS (
  SELECT date_trunc('milliseconds', coalesce($4::timestamptz, clock_timestamp())) AS now
), waiting AS (
  SELECT c.tenant, c.id, c.not_before FROM {${table}} c
  WHERE c.state = 'pending' AND c.not_before <= (SELECT now FROM step) AND c.milestone = ANY ($1::text[])
  ORDER BY c.not_before, c.id LIMIT $2 FOR UPDATE SKIP LOCKED
), abandoned AS (
  SELECT c.tenant, c.id, c.not_before FROM {${table}} c
  WHERE c.state = 'leased' AND c.lease_until <= (SELECT now FROM step) AND c.milestone = ANY ($1::text[])
  ORDER BY c.not_before, c.id LIMIT $2 FOR UPDATE SKIP LOCKED
), ready AS (
  SELECT * FROM (SELECT * FROM waiting UNION ALL SELECT * FROM abandoned) r ORDER BY not_before, id LIMIT $2
), claimed AS (
  UPDATE {${table}} c SET state = 'leased', fence = c.fence + 1, attempts = c.attempts + 1,
    lease_until = (SELECT now FROM step) + $3::float8 * interval '1 millisecond'
  FROM ready r WHERE c.tenant = r.tenant AND c.id = r.id
  RETURNING c.*
)
SELECT ${columns}, c.fence FROM claimed c ORDER BY c.not_before, c.id`;

// The row's own column is the count so far, re-read under its lock: counting the notifications would read them by a
// snapshot from before the lock was granted.
const announceText = ({ table, kind }: Announceable, woken: string): string => `
WITH locked AS MATERIALIZED (
  SELECT tenant, id, notifications FROM {${table}}
  WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'leased' FOR UPDATE
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($8::timestamptz, clock_timestamp())) AS now FROM locked
), ${queuedNotifications({ notifications: "$4", templates: "$5", addressLock: "$9" })}
), total AS (
  SELECT l.tenant, l.id, l.notifications + (
    SELECT count(*) FROM added a WHERE a.source_kind = '${kind}' AND a.source_id = l.id) AS notifications
  FROM locked l
)
UPDATE {${table}} c SET
  notifications = t.notifications,
  state = CASE WHEN NOT $6 THEN 'leased' WHEN t.notifications > 0 THEN 'announced' ELSE 'unaddressed' END,
  reason = CASE WHEN NOT $6 THEN c.reason WHEN t.notifications > 0 THEN NULL ELSE 'unaddressed' END,
  detail = CASE WHEN NOT $6 THEN c.detail END,
  lease_until = CASE WHEN NOT $6 THEN step.now + $7::float8 * interval '1 millisecond' END
FROM total t, step
WHERE c.tenant = t.tenant AND c.id = t.id
RETURNING c.state, c.notifications, ${woken}`;

const releaseText = ({ table }: Announceable): string => `
UPDATE {${table}} SET state = $4, lease_until = NULL, detail = $8,
  reason = CASE WHEN $4 = 'failed' THEN $7 END, attempts = attempts - CASE WHEN $6 THEN 1 ELSE 0 END,
  not_before = date_trunc('milliseconds', coalesce($9::timestamptz, clock_timestamp()))
    + $5::float8 * interval '1 millisecond'
WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'leased'
RETURNING id`;
