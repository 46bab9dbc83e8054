import * as z from "zod";
import { type Agrees, keySchema, listOf, parsePresent, whySchema } from "../validation.js";
import type { Registry, ReinstallAct } from "./registry.js";

/** A metric's definition as it is stored, and what this process makes of it. */
export interface DefinitionReport {
  readonly metric: string;
  /** Rises with each change. */
  readonly generation: number;
  readonly decrements: boolean;
  /** Takes observations, which set its values, instead of amounts. */
  readonly gauge: boolean;
  readonly retain: "ids" | "events";
  /** Milliseconds; null = for ever. */
  readonly eventRetention: number | null;
  /** Names of the installed milestones. */
  readonly milestones: readonly string[];
  /** Names of those that were removed. */
  readonly removed: readonly string[];
  /** Whether this process has the code of all of them, as they are installed; if not it records and does not evaluate. */
  readonly evaluated: boolean;
  /** Whether every counter that ran before has met them. */
  readonly adopted: boolean;
}

/** What is installed. It changes when a process with other milestones starts. */
export interface Definitions {
  list(): Promise<readonly DefinitionReport[]>;
  /**
   * Installs this process' milestones and settings again where newer ones replaced or removed them, and takes away those
   * named in `remove`: for a rollback, and for going forward again after one. Without it old code never replaces newer,
   * because during a rolling deployment both run.
   *
   * Answers the definitions it was about, changed or not: those of metrics that the code or `remove` speaks of. One that is
   * not `evaluated` has milestones the code lacks: they are to be named under `remove`. Throws `invalid_options` for a name
   * in `remove` that never was installed, or that this process has the code of.
   */
  reinstall(act: ReinstallAct): Promise<readonly DefinitionReport[]>;
}

const actSchema = z.strictObject({ remove: listOf(keySchema, 10_000).optional(), by: keySchema, why: whySchema });

true satisfies Agrees<typeof actSchema, ReinstallAct>;

export function definitionsOver(registry: Registry): Definitions {
  const reports = (): readonly DefinitionReport[] =>
    registry.all.map(
      ({ births: _, former: __, rememberedSince: ___, milestones, removed, adopted, ...definition }) => ({
        ...definition,
        milestones: milestones.map(({ name }) => name),
        removed: [...removed],
        evaluated: registry.evaluated.has(definition.metric),
        adopted: adopted === definition.generation,
      }),
    );
  return {
    async list() {
      await registry.ready();
      await registry.refresh();
      return reports();
    },
    async reinstall(act) {
      const metrics = await registry.reinstall(parsePresent(actSchema, act, "invalid_options"));
      return reports().filter(({ metric }) => metrics.includes(metric));
    },
  };
}
