/** One text that is looked for in a copy of a store, and what stands there instead. */
export interface Replacement {
  /** Below the package's `src`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A store broken on purpose, in one way that would lose or double something. */
export interface Mutant {
  readonly name: string;
  readonly replacements: readonly Replacement[];
}

export interface MutatedStore {
  readonly name: "memory" | "sqlite" | "postgres";
  /** The package whose `src` is copied. */
  readonly folder: string;
  readonly mutants: readonly Mutant[];
}

const onceColumns = "tenant, milestone, subject, period, threshold, limit_version, arming";

export const mutatedStores: readonly MutatedStore[] = [
  {
    name: "memory",
    folder: "packages/core",
    mutants: [
      {
        name: "pause not looked at by a mark",
        replacements: [
          {
            file: "delivery/moves.ts",
            find: "isShut(lane, now) || ",
            put: "",
          },
        ],
      },
      {
        name: "room not taken by a mark",
        replacements: [
          {
            file: "store/memory/memory-notifications.ts",
            find: "tables.lanes.set(keyOf(row.tenant, row.notifier), after.lane);",
            put: "",
          },
        ],
      },
      {
        name: "suppression ends nothing",
        replacements: [
          {
            file: "store/memory/suppression-steps.ts",
            find: 'const open = row.state === "pending" || row.state === "leased";',
            put: "const open: boolean = false;",
          },
        ],
      },
      {
        name: "unique key of crossings dropped",
        replacements: [
          {
            file: "store/memory/memory-crossings.ts",
            find: "if (tables.crossingKeys.has(crossingKeyText(crossing))) continue;",
            put: "",
          },
        ],
      },
      {
        name: "mark skipped",
        replacements: [
          {
            file: "store/memory/memory-notifications.ts",
            find: "if (patch === null) return result;\n        store({ ...row, ...patch });",
            put: "if (patch === null) return result;",
          },
        ],
      },
      {
        name: "fence ignored",
        replacements: [
          {
            file: "delivery/moves.ts",
            find: "if (row === undefined || row.fence !== mark.fence)",
            put: "if (row === undefined)",
          },
        ],
      },
      {
        name: "trail not written",
        replacements: [
          {
            file: "store/memory/memory-counters.ts",
            find: "{ rev, generation, from: row.value, limitVersion: null, ids, amounts, occurredAts },",
            put: "",
          },
        ],
      },
      {
        name: "bandsSince ignored",
        replacements: [
          {
            file: "store/memory/memory-counters.ts",
            find: "row.due || row.generation < bandsSince ||",
            put: "row.due ||",
          },
        ],
      },
      {
        name: "a gauge counts",
        replacements: [
          {
            file: "store/memory/memory-counters.ts",
            find: "rules[metric]!.gauge ? differences(from, amounts) : amounts",
            put: "amounts",
          },
        ],
      },
    ],
  },
  {
    name: "sqlite",
    folder: "packages/adapter-sqlite",
    mutants: [
      {
        name: "pause not looked at by a mark",
        replacements: [
          {
            file: "notification-repository.ts",
            find: "lane: findLane(step, row.tenant, row.notifier),",
            put: "lane: { ...findLane(step, row.tenant, row.notifier), paused: false },",
          },
        ],
      },
      {
        name: "room not taken by a mark",
        replacements: [
          {
            file: "notification-repository.ts",
            find: "if (after.lane !== gates.lane) storeLane(step, after.lane);",
            put: "",
          },
        ],
      },
      {
        name: "suppression ends nothing",
        replacements: [
          {
            file: "suppression-steps.ts",
            find: "AND state IN ('pending', 'leased')`",
            put: "AND false`",
          },
        ],
      },
      {
        name: "unique key of crossings dropped",
        replacements: [
          {
            file: "migrations.generated.ts",
            find: `,\\n  CONSTRAINT {#crossings_once} UNIQUE (${onceColumns})`,
            put: "",
          },
          { file: "crossing-commit.ts", find: `ON CONFLICT (${onceColumns}) DO NOTHING`, put: "" },
        ],
      },
      {
        name: "mark skipped",
        replacements: [
          {
            file: "notification-repository.ts",
            find: "if (patch !== null) patchNotification(step, mark, patch);",
            put: "",
          },
        ],
      },
      {
        name: "fence ignored",
        replacements: [
          {
            file: "notification-repository.ts",
            find: "refusal, mark, lease, now: at })",
            put: "refusal, mark: { ...mark, fence: row.fence }, lease, now: at })",
          },
        ],
      },
      {
        name: "trail not written",
        replacements: [
          { file: "counter-batch.ts", find: "step.run(appendTrail,", put: "void ([] as unknown[]).concat(" },
        ],
      },
      {
        name: "bandsSince ignored",
        replacements: [{ file: "counter-batch.ts", find: "due OR generation < ? AS due", put: "due OR 0 > ? AS due" }],
      },
      {
        name: "a gauge counts",
        replacements: [
          {
            file: "counter-batch.ts",
            find: "gauge ? differences(from, change.amounts) : change.amounts",
            put: "change.amounts",
          },
        ],
      },
      {
        name: "a waiting observation becomes an event",
        replacements: [
          { file: "inbox-repository.ts", find: "amount, observed, occurredAt];", put: "amount, false, occurredAt];" },
        ],
      },
      {
        name: "drained rows not deleted",
        replacements: [
          {
            file: "counter-repository.ts",
            find: "if (drained !== undefined) deleteDrained(step, drained);",
            put: "",
          },
        ],
      },
    ],
  },
  {
    name: "postgres",
    folder: "packages/adapter-postgres",
    mutants: [
      {
        name: "pause not looked at by a mark",
        replacements: [
          {
            file: "notification-mark.ts",
            find: "WHEN l.paused OR l.not_before > step.now OR",
            put: "WHEN",
          },
        ],
      },
      {
        name: "room not taken by a mark",
        replacements: [
          {
            file: "notification-mark.ts",
            find: "lanes.set(mark, taken.gate);",
            put: "",
          },
        ],
      },
      {
        name: "suppression ends nothing",
        replacements: [
          {
            file: "suppression-steps.ts",
            find: "r.state IN ('pending', 'leased', 'sending', 'ambiguous')",
            put: "false",
          },
        ],
      },
      {
        name: "unique key of crossings dropped",
        replacements: [
          {
            file: "migrations.generated.ts",
            find: `,\\n  CONSTRAINT {#crossings_once} UNIQUE (${onceColumns})`,
            put: "",
          },
        ],
      },
      {
        name: "mark skipped",
        replacements: [
          {
            file: "notification-mark.ts",
            find: "WHERE r.tenant = d.tenant AND r.id = d.id AND d.move = 'marked'",
            put: "WHERE false",
          },
        ],
      },
      {
        name: "fence ignored",
        replacements: [{ file: "notification-mark.ts", find: "WHEN r.fence <> m.fence THEN 'lost'", put: "" }],
      },
      {
        name: "trail not written",
        replacements: [
          {
            file: "counter-add.ts",
            find: "WHERE f.counter IN (SELECT place FROM changed WHERE due)",
            put: "WHERE false",
          },
        ],
      },
      {
        name: "bandsSince ignored",
        replacements: [{ file: "counter-add.ts", find: "due = c.due OR c.generation < ", put: "due = c.due OR 0 > " }],
      },
      {
        name: "a gauge's steps begin at 0",
        replacements: [
          {
            file: "counter-add.ts",
            find: "WHEN d.rev = 1 THEN d.value ELSE d.value - d.dip::bigint END",
            put: "ELSE d.value END",
          },
        ],
      },
      {
        name: "drained rows not deleted",
        replacements: [
          {
            file: "counter-add.ts",
            find: "if (result.stale.length === 0) await forget(run, drained);",
            put: "",
          },
        ],
      },
    ],
  },
];
