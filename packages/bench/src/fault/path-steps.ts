import type { StoreName } from "../place/place.js";

// The way from record() to a sent message, as steps of the store's contract. A test compares this list with a store's
// own keys: a step that is neither here nor declared to be off the way makes it fail.

export type StepKind = "reads" | "writes";

export const stepsOnTheWay: Readonly<Record<string, Readonly<Record<string, StepKind>>>> = {
  definitions: { list: "reads", install: "writes" },
  counters: { add: "writes", get: "reads", due: "reads" },
  inbox: { list: "reads" },
  crossings: { commitEvaluation: "writes", list: "reads", claim: "writes", announce: "writes", release: "writes" },
  contacts: { subject: "reads", members: "reads" },
  notifications: {
    claim: "writes",
    mark: "writes",
    settle: "writes",
    release: "writes",
    overdue: "reads",
    expire: "writes",
  },
};

export const stepsOffTheWay: Readonly<Record<string, readonly string[]>> = {
  // counters that are adopted when definitions change
  definitions: ["adopted"],
  counters: ["idle", "list"],
  // `enqueue` is inside the host's transaction, which rolls back when the process dies; the others are for people
  inbox: ["enqueue", "refuse", "decide"],
  // retained events, and their end
  events: ["list", "purge"],
  // for people and reports
  notifications: ["decide", "list", "attempts", "count"],
  lanes: ["setPaused", "list", "acts"],
  // the host's directory is filled before
  contacts: ["put", "list"],
};

/** Steps that change nothing unless a process died before: no transaction of theirs holds a change in a first run. */
const idleAtFirst: ReadonlySet<string> = new Set(["notifications.expire"]);

/** On Postgres one statement is the whole transaction of a step, except here. */
const severalStatements: ReadonlySet<string> = new Set(["definitions.install"]);

const sendPoints = ["notifier.send:before", "notifier.send:accepted"] as const;

/**
 * The names of all failpoints of a store.
 *
 * - `<step>:before`, `<step>:after`: around the call of the store
 * - `<step>/uncommitted`: inside its transaction, after the first statement that changed something
 * - `<step>/commit:before`: the commit (Postgres: or the only statement) is not sent yet
 * - `<step>/commit:after`: Postgres: it is sent and its answer not read; SQLite: it returned, and the caller does not know
 */
export function failpointNames(store: StoreName): readonly string[] {
  const steps = Object.entries(stepsOnTheWay).flatMap(([repository, kinds]) =>
    Object.entries(kinds).map(([name, kind]) => [`${repository}.${name}`, kind] as const),
  );
  return [
    ...steps.flatMap(([step, kind]) => {
      const around = [`${step}:before`, `${step}:after`];
      if (kind === "reads") return around;
      const open = store === "sqlite" ? !idleAtFirst.has(step) : severalStatements.has(step);
      return [...around, ...(open ? [`${step}/uncommitted`] : []), `${step}/commit:before`, `${step}/commit:after`];
    }),
    ...sendPoints,
  ];
}
