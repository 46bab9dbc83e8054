import type { StoreName } from "../place/place.js";

// The way from record() to a sent message, as steps of the store's contract. A test compares this list with a store's
// own keys: a step that is neither here nor declared to be off the way makes it fail.

/** The name of `counters.add` where it counts what a transaction of the host has left in the inbox. */
export const drainStep = "counters.add(drained)";

export type StepKind = "reads" | "writes";

export const stepsOnTheWay: Readonly<Record<string, Readonly<Record<string, StepKind>>>> = {
  definitions: { list: "reads", install: "writes" },
  counters: { add: "writes", get: "reads", wake: "writes", due: "reads" },
  // `enqueue` is inside the host's transaction: it has points around it and no commit of its own
  inbox: { enqueue: "reads", list: "reads" },
  limits: { pending: "reads" },
  crossings: { commitEvaluation: "writes", list: "reads", claim: "writes", announce: "writes", release: "writes" },
  subjects: { get: "reads", members: "reads" },
  notifications: {
    claim: "writes",
    mark: "writes",
    settle: "writes",
    release: "writes",
    overdue: "reads",
    expire: "writes",
    closed: "reads",
  },
  // looked for campaigns, of which the small work has none
  campaigns: { claim: "writes" },
  recurrences: { due: "reads" },
};

export const stepsOffTheWay: Readonly<Record<string, readonly string[]>> = {
  // counters that are adopted when definitions change, and those that people look at
  definitions: ["adopted"],
  counters: ["idle", "list", "read"],
  // limits that people set, and policies that measure against them
  limits: ["add", "apply", "of"],
  levels: ["add", "apply", "of", "pending"],
  // counters whose effect fails, reminders: `effects` has the first, nobody asks for the second here
  parking: ["park", "list", "release"],
  notices: ["claim", "announce", "release", "list", "reasons"],
  // events that cannot be counted, and what people decide on them
  inbox: ["refuse", "decide"],
  // retained events and their end, and the ids that a plan asks for
  events: ["list", "known", "purge"],
  // for people and reports
  crossings: ["get", "reasons"],
  // `reopen`: those of messages with hours, which the small work has none of
  notifications: ["reopen", "decide", "list", "deadLetters", "attempts", "count", "reasons"],
  campaigns: [
    ...["create", "get", "list", "act", "edit", "lease", "load", "open", "rewrite", "cancelNext", "release"],
    "counts",
  ],
  recurrences: ["put", "get", "list", "setPaused", "remove", "occur", "skips"],
  lanes: ["setPaused", "limit", "list"],
  acts: ["list"],
  templates: ["create", "addVersion", "act", "get", "list", "version", "versions"],
  // accounts of tenants, which the small work has none of
  providers: ["add", "act", "get", "list", "sealed", "reseal", "stranded", "failover"],
  suppressions: ["add", "bounced", "release", "list", "consent", "consents"],
  // people and imports of them
  contacts: ["put", "list", "count", "tag", "remove", "bounced"],
  contactImports: ["begin", "load", "get", "rejected"],
  // the directory is filled before; what is erased is no part of what arrives
  subjects: ["put", "list", "halt", "erase"],
  // what is heard of messages afterwards: nobody says anything of the small work, so a sweep finds nothing to do
  deliveryEvents: ["record", "match", "facts", "list", "engagement", "prepare", "purge"],
  // heartbeats are beside the work: what fails in them changes nothing
  workers: ["beat", "leave", "list"],
};

/**
 * Steps that change nothing unless a process died before, or time alone brings something: no transaction of theirs holds a
 * change in a first run.
 */
const idleAtFirst: ReadonlySet<string> = new Set(["notifications.expire", "counters.wake", "campaigns.claim"]);

/** On Postgres one statement is the whole transaction of a step, except here. */
const severalStatements: ReadonlySet<string> = new Set(["definitions.install", drainStep]);

/** The host's own commit, after which nobody but the inbox knows of its events. */
export const hostCommitted = "host.commit:after";

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
  steps.push([drainStep, "writes"]);
  return [
    ...steps.flatMap(([step, kind]) => {
      const around = [`${step}:before`, `${step}:after`];
      if (kind === "reads") return around;
      const open = store === "sqlite" ? !idleAtFirst.has(step) : severalStatements.has(step);
      return [...around, ...(open ? [`${step}/uncommitted`] : []), `${step}/commit:before`, `${step}/commit:after`];
    }),
    hostCommitted,
    ...sendPoints,
  ];
}
