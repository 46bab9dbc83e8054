import type { Notification, NotificationState } from "../../delivery/notification.js";
import type { StoredCrossing } from "../../milestone/crossing.js";
import { compareKeys } from "../../text-key.js";
import { type ErasedRows, nothingErased, type SubjectRepository } from "../subject-repository.js";
import { counterKeyText } from "../tally.js";
import { crossingKeyText } from "./memory-crossings.js";
import { notificationKeyText } from "./memory-notifications.js";
import { keyOf, type Tables } from "./tables.js";

const openStates: readonly NotificationState[] = ["pending", "leased", "sending", "ambiguous"];

export function memorySubjects(tables: Tables): SubjectRepository {
  type Owner = { readonly tenant: string; readonly subject: string };
  const ownedBy =
    ({ tenant, subject }: Owner) =>
    (row: Owner) =>
      row.tenant === tenant && row.subject === subject;
  const countersOf = (owner: Owner) => [...tables.counters.values()].filter(ownedBy(owner));
  const crossingsOf = (owner: Owner) =>
    [...tables.crossings.values()].filter(ownedBy(owner)).sort((a, b) => compareKeys(a.id, b.id));

  function notificationsOf(crossings: readonly StoredCrossing[]): readonly Notification[] {
    const ids = new Set(crossings.map(({ tenant, id }) => keyOf(tenant, id)));
    return [...tables.notifications.values()].filter(
      ({ tenant, source }) => source.kind === "crossing" && ids.has(keyOf(tenant, source.id)),
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
    return { notifications: rows.length, attempts: attempts.length };
  }

  function eraseCrossings(rows: readonly StoredCrossing[]): Pick<ErasedRows, "crossings"> {
    for (const row of rows) {
      tables.crossings.delete(keyOf(row.tenant, row.id));
      tables.crossingKeys.delete(crossingKeyText(row));
    }
    return { crossings: rows.length };
  }

  return {
    async halt({ tenant, subject, act, now = tables.clock() }) {
      const owner = { tenant, subject };
      const rows = countersOf(owner);
      for (const row of rows) {
        const generation = tables.definitions.get(row.metric)?.generation ?? row.generation;
        const met = { generation, folded: row.rev, due: false, state: {}, trail: [] };
        tables.counters.set(counterKeyText(row), { ...row, ...met, below: null, above: null });
      }
      const limits = [...tables.limits].filter(([, [first]]) => first !== undefined && ownedBy(owner)(first));
      for (const [key] of limits) tables.limits.delete(key);
      const known = keyOf(tenant, subject);
      const members = tables.members.get(known)?.length ?? 0;
      tables.members.delete(known);
      const subjects = tables.subjects.delete(known) ? 1 : 0;
      const crossings = crossingsOf(owner);
      const isOpen = ({ state }: StoredCrossing) => state === "pending" || state === "leased";
      const unannounced = crossings.filter(isOpen);
      const unfinished = notificationsOf(crossings).filter(({ state }) => openStates.includes(state));
      const ofUnannounced = notificationsOf(unannounced).filter((row) => !unfinished.includes(row));
      tables.acts.push({ tenant, entity: "subject", act: "forget", ...act, at: now });
      return {
        ...nothingErased,
        ...{ trail: rows.reduce((sum, { trail }) => sum + trail.length, 0), subjects, members },
        limits: limits.reduce((sum, [, versions]) => sum + versions.length, 0),
        ...eraseNotifications([...unfinished, ...ofUnannounced]),
        ...eraseCrossings(unannounced),
      };
    },

    async erase({ tenant, subject, limit }) {
      const owner = { tenant, subject };
      const crossings = crossingsOf(owner).slice(0, limit);
      const notifications = notificationsOf(crossings).slice(0, limit);
      const retained = tables.retained.filter(ownedBy(owner)).slice(0, limit);
      const full = [crossings, notifications, retained].some(({ length }) => length === limit);

      const ids = retained.filter(({ metric, id }) => tables.events.delete(keyOf(tenant, metric, id))).length;
      const gone = new Set(retained);
      tables.retained = tables.retained.filter((event) => !gone.has(event));
      const counters = full ? [] : countersOf(owner);
      for (const row of counters) tables.counters.delete(counterKeyText(row));
      const erased: ErasedRows = {
        ...nothingErased,
        ...{ ids, events: retained.length, counters: counters.length },
        trail: counters.reduce((sum, { trail }) => sum + trail.length, 0),
        ...eraseNotifications(notifications),
        ...eraseCrossings(notifications.length < limit ? crossings : []),
      };
      return { erased, more: full };
    },
  };
}
