import type { Emit, MilepostEvents } from "../events.js";
import { Evaluator } from "../milestone/evaluator.js";
import type { Registry } from "../milestone/registry.js";
import { Admission } from "../recording/admission.js";
import { Recorder } from "../recording/recorder.js";
import { type Runtime, uuidv7Generator } from "../runtime.js";
import type { CrossingRepository } from "../store/crossing-repository.js";
import { storeOver } from "../store/memory/memory-store.js";
import { Tables } from "../store/memory/tables.js";
import type { Store } from "../store/store.js";
import { seedAddresses } from "./shadow-facts.js";

/** The engine that is asked what it would do. */
export interface Original {
  readonly store: Store;
  readonly registry: Registry;
  readonly runtime: Runtime;
  /** Milliseconds, as in its options. */
  readonly clockTolerance: number;
}

/** The recorder and the evaluator of an engine over a memory store of its own. */
export interface Shadow {
  readonly tables: Tables;
  readonly store: Store;
  readonly registry: Registry;
  readonly runtime: Runtime;
  readonly evaluator: Evaluator;
  readonly recorder: Recorder;
  readonly emit: Emit;
  /** What evaluations threw: a policy that failed. */
  readonly errors: readonly unknown[];
}

/**
 * The original's code over tables of their own. They hold the definitions that are stored now, so that the first step
 * installs there what it would install in the original's store; all else is seeded by who asks. Nothing that is done with
 * it reaches the original's store, its registry or its listeners. Only the directory of subjects is the original's: it is read. What is
 * said of addresses is read when they are known, directly before notifications to them are queued.
 */
export async function shadowOf({ store: original, registry, runtime, clockTolerance }: Original): Promise<Shadow> {
  const now = runtime.now ?? (() => new Date());
  const tables = new Tables(now);
  tables.noted = [];
  for (const definition of await original.definitions.list()) tables.definitions.set(definition.metric, definition);

  const errors: unknown[] = [];
  const emit: Emit = (name, event) => {
    if (name === "error") errors.push((event as MilepostEvents["error"]).error);
  };
  // ids are the shadow's own: a host's generator may count
  const own: Runtime = { ...runtime, now, id: uuidv7Generator() };
  const shadowStore = storeOver(tables);
  const addressed = <Steps extends Pick<CrossingRepository, "announce">>(steps: Steps): Steps => ({
    ...steps,
    async announce(input: Parameters<Steps["announce"]>[0]) {
      const keys = input.notifications.map(({ recipientKey }) => recipientKey);
      await seedAddresses(original, tables, input.tenant, keys);
      return steps.announce(input);
    },
  });
  const store: Store = {
    ...shadowStore,
    subjects: original.subjects,
    crossings: addressed(shadowStore.crossings),
    notices: addressed(shadowStore.notices),
  };
  const shadowed = registry.over(store, own, emit);
  const evaluator = new Evaluator(store, shadowed, own, emit);
  const admission = new Admission(shadowed, clockTolerance, own);
  const recorder = new Recorder(store, shadowed, admission, evaluator, own);
  return { tables, store, registry: shadowed, runtime: own, evaluator, recorder, emit, errors };
}
