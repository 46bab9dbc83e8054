import type { Notification, NotificationState } from "../../delivery/notification.js";
import type { StoredCrossing } from "../../milestone/crossing.js";
import type { StoredNotice } from "../../milestone/notice.js";
import { compareKeys } from "../../text-key.js";
import { type ErasedRows, nothingErased, type SubjectRepository } from "../subject-repository.js";
import { counterActId, counterKeyText } from "../tally.js";
import { crossingKeyText } from "./memory-crossings.js";
import { noticeKeyText } from "./memory-notices.js";
import { notificationKeyText } from "./memory-notifications.js";
import { memorySubjectDirectory } from "./memory-subject-directory.js";
import { type CounterRow, keyOf, type Tables } from "./tables.js";

const openStates: readonly NotificationState[] = ["pending", "leased", "sending", "ambiguous"];
const unannounced = ({ state }: Pick<StoredCrossing, "state">) => state === "pending" || state === "leased";

export function memorySubjects(tables: Tables): SubjectRepository {
  type Owner = { readonly tenant: string; readonly subject: string };
  const ownedBy =
    ({ tenant, subject }: Owner) =>
    (row: Owner) =>
      row.tenant === tenant && row.subject === subject;
  const countersOf = (owner: Owner) => [...tables.counters.values()].filter(ownedBy(owner));
  const crossingsOf = (owner: Owner) =>
    [...tables.crossings.values()].filter(ownedBy(owner)).sort((a, b) => compareKeys(a.id, b.id));

  function noticesOf(crossings: readonly StoredCrossing[]): readonly StoredNotice[] {
    const ids = new Set(crossings.map(({ tenant, id }) => keyOf(tenant, id)));
    return [...tables.notices.values()]
      .filter(({ tenant, crossing }) => ids.has(keyOf(tenant, crossing)))
      .sort((a, b) => compareKeys(a.id, b.id));
  }

  function notificationsOf(
    crossings: readonly StoredCrossing[],
    notices: readonly StoredNotice[],
  ): readonly Notification[] {
    const sources = new Set([
      ...crossings.map(({ tenant, id }) => keyOf(tenant, "crossing", id)),
      ...notices.map(({ tenant, id }) => keyOf(tenant, "notice", id)),
    ]);
    return [...tables.notifications.values()].filter(({ tenant, source }) =>
      sources.has(keyOf(tenant, source.kind, source.id)),
    );
  }

  function eraseNotifications(rows: readonly Notification[]): Pick<ErasedRows, "notifications" | "attempts"> {
    const ids = new Set(rows.map(({ tenant, id }) => keyOf(tenant, id)));
    for (const row of rows) {
      tables.notifications.delete(keyOf(row.tenant, row.id));
      tables.notificationKeys.delete(notificationKeyText(row));
    }
    const attempts = [...tables.attempts].filter(([, { tenant, notification }]) =>
      ids.has(keyOf(tenant, notification)),
    );
    for (const [key] of attempts) tables.attempts.delete(key);
    for (const key of ids) tables.deliveryFacts.delete(key);
    tables.deliveryEvents = tables.deliveryEvents.filter(
      ({ tenant, notification }) => notification === null || !ids.has(keyOf(tenant, notification)),
    );
    return { notifications: rows.length, attempts: attempts.length };
  }

  function eraseNotices(rows: readonly StoredNotice[]): Pick<ErasedRows, "notices"> {
    for (const row of rows) {
      tables.notices.delete(keyOf(row.tenant, row.id));
      tables.noticeKeys.delete(noticeKeyText(row));
    }
    return { notices: rows.length };
  }

  function eraseCrossings(rows: readonly StoredCrossing[]): Pick<ErasedRows, "crossings"> {
    for (const row of rows) {
      tables.crossings.delete(keyOf(row.tenant, row.id));
      tables.crossingKeys.delete(crossingKeyText(row));
    }
    return { crossings: rows.length };
  }

  /** Versions of a limit, or of the subject's levels, by what they are of. */
  function eraseVersions(versions: Map<string, readonly Owner[]>, owner: Owner): number {
    const own = [...versions].filter(([, [first]]) => first !== undefined && ownedBy(owner)(first));
    for (const [key] of own) versions.delete(key);
    return own.reduce((sum, [, list]) => sum + list.length, 0);
  }

  function eraseParked(counters: readonly CounterRow[]): number {
    return counters.filter((row) => tables.parked.delete(counterKeyText(row))).length;
  }

  /** Acts on the subject's counters go on under what stands for it. */
  function rename({ tenant, subject }: Owner, digest: string): void {
    for (const [place, act] of tables.acts.entries()) {
      if (act.tenant === tenant && act.entity === "contact" && act.entityId === subject) {
        tables.acts[place] = { ...act, entityId: digest };
      }
      if (act.tenant !== tenant || act.entity !== "counter") continue;
      const [metric, of, period] = JSON.parse(act.entityId) as [string, string, string];
      if (of !== subject) continue;
      tables.acts[place] = { ...act, entityId: counterActId({ tenant, metric, subject: digest, period }) };
    }
  }

  return {
    ...memorySubjectDirectory(tables),

    async halt({ tenant, subject, act, now = tables.clock() }) {
      const owner = { tenant, subject };
      const rows = countersOf(owner);
      const parked = eraseParked(rows);
      for (const row of rows) {
        const generation = tables.definitions.get(row.metric)?.generation ?? row.generation;
        const met = { generation, folded: row.rev, due: false, state: {}, trail: [], wakeAt: null };
        tables.counters.set(counterKeyText(row), { ...row, ...met, below: null, above: null });
      }
      const limits = eraseVersions(tables.limits, owner);
      const levels = eraseVersions(tables.levels, owner);
      const known = keyOf(tenant, subject);
      const members = tables.members.get(known)?.length ?? 0;
      tables.members.delete(known);
      const subjects = tables.subjects.delete(known) ? 1 : 0;
      const contacts = tables.contacts.delete(known) ? 1 : 0;
      const crossings = crossingsOf(owner);
      const notices = noticesOf(crossings);
      const untold = crossings.filter(unannounced);
      const left = new Set(noticesOf(untold).concat(notices.filter(unannounced)));
      const ended = notificationsOf(untold, [...left]);
      const open = notificationsOf(crossings, notices).filter(({ state }) => openStates.includes(state));
      rename(owner, act.entityId);
      tables.acts.push({ tenant, entity: "subject", act: "forget", ...act, at: now });
      return {
        ...{ ...nothingErased, parked, limits, levels, subjects, members, contacts },
        trail: rows.reduce((sum, { trail }) => sum + trail.length, 0),
        ...eraseNotifications([...new Set([...open, ...ended])]),
        ...eraseNotices([...left]),
        ...eraseCrossings(untold),
      };
    },

    async erase({ tenant, subject, limit }) {
      const owner = { tenant, subject };
      const crossings = crossingsOf(owner).slice(0, limit);
      const notices = noticesOf(crossings).slice(0, limit);
      const notifications = notificationsOf(crossings, notices).slice(0, limit);
      const retained = tables.retained.filter(ownedBy(owner)).slice(0, limit);
      const full = [crossings, notices, notifications, retained].some(({ length }) => length === limit);
      const silent = notifications.length < limit;

      const ids = retained.filter(({ metric, id }) => tables.events.delete(keyOf(tenant, metric, id))).length;
      const gone = new Set(retained);
      tables.retained = tables.retained.filter((event) => !gone.has(event));
      const counters = full ? [] : countersOf(owner);
      for (const row of counters) tables.counters.delete(counterKeyText(row));
      const erased: ErasedRows = {
        ...nothingErased,
        ...{ ids, events: retained.length, counters: counters.length, parked: eraseParked(counters) },
        trail: counters.reduce((sum, { trail }) => sum + trail.length, 0),
        ...eraseNotifications(notifications),
        ...eraseNotices(silent ? notices : []),
        ...eraseCrossings(silent && notices.length < limit ? crossings : []),
      };
      return { erased, more: full };
    },
  };
}
