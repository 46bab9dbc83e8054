// Sends what is queued; time and again a result cannot be written at first although the message is out. It may die of one.
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, type DeliveryTiming, type Store } from "@milepost/core";
import type Database from "better-sqlite3";
import type pg from "pg";
import { FaultLog } from "../fault/fault-log.js";
import { FlightLog } from "../fault/flight-log.js";
import { aroundSteps } from "../fault/store-steps.js";
import { FailingHandle, RefusedOnce, type WriteFault, writeFaults } from "../fault/write-faults.js";
import { type OpenedPlace, openPlace, type Place, sqliteHandle } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type QueueShape, queueMilestone } from "../workload/queue.js";

export interface LateWriterInput extends QueueShape {
  readonly place: Place;
  readonly seed: number;
  readonly name: string;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  readonly flightFile: string;
  readonly faultFile: string;
  /** Faults; after them all goes well. */
  readonly faults: number;
  /** Dies of the last one by kill -9, while it is still failing. */
  readonly dies: boolean;
}

/** Asks for the connection to be cut at the next settlement; goes on when it has any message. Or tells what it saw. */
export type LateWriterReport =
  | { readonly cut: "received" | "committed" }
  | { readonly fired: number }
  | { readonly leaseLost: true };

/** Milliseconds that a step waits for a connection, or for SQLite's lock: long enough for a busy machine. */
const patience = { postgres: 10_000, sqlite: 400 } as const;
/** Milliseconds that it waits for a connection of a pool that is empty. */
const shortPatience = 200;
const connections = 3;

/** After these it is certain that nothing was written; a request that was cut off may yet be carried out. */
const uncommitted: ReadonlySet<WriteFault> = new Set(["pool", "lock", "busy", "disk"]);

await runProgram<LateWriterInput>(async (input, link) => {
  const { place, seed, name, concurrency, delivery, flightFile, faultFile, faults, dies, ...shape } = input;
  const log = new FaultLog(faultFile);
  const kinds = writeFaults[place.store];
  let fired = 0;
  const failedOnce = new Set<string>();
  let acknowledged: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    link.onMessage((message) => {
      if ("over" in (message as object)) resolve();
      else acknowledged();
    });
  });

  const { store, close, fail } = openFailing(place, async (cut) => {
    const armed = new Promise<void>((resolve) => {
      acknowledged = resolve;
    });
    link.send({ cut } satisfies LateWriterReport);
    await armed;
  });

  async function settle(ids: readonly string[], call: () => Promise<unknown>): Promise<unknown> {
    if (fired >= faults || ids.some((id) => failedOnce.has(id))) return call();
    for (const id of ids) failedOnce.add(id);
    const last = dies && fired === faults - 1;
    // in turn, so that a short run has them all
    const possible = last ? kinds.filter((kind) => uncommitted.has(kind)) : kinds;
    const fault = possible[(seed + fired) % possible.length]!;
    const { hit, written } = await fail(fault, call);
    if (hit) {
      fired++;
      log.add(fault, name);
      link.send({ fired } satisfies LateWriterReport);
      if (last) {
        log.add("death", ids.join(" "));
        process.kill(process.pid, "SIGKILL");
      }
    }
    if ("error" in written) throw written.error;
    return written.result;
  }

  const milepost = createMilepost({
    store: new FlightLog(flightFile).watch(
      aroundSteps(store, async (step, call, given) => {
        if (step !== "notifications.settle") return call();
        const { settlements } = given as Parameters<Store["notifications"]["settle"]>[0];
        const accepted = settlements.filter(({ outcome }) => outcome === "accepted");
        return accepted.length === 0
          ? call()
          : settle(
              accepted.map(({ id }) => id),
              call,
            );
      }),
    ),
    milestones: [queueMilestone(shape, { caller: name, waitsOn: true })],
    delivery,
  });
  milepost.on("error", () => {});
  milepost.on("lease_lost", () => link.send({ leaseLost: true } satisfies LateWriterReport));
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 500 });
  await worker.start();
  await over;
  await milepost.close();
  await close();
});

/** How the call ended. */
type Written = { readonly result: unknown } | { readonly error: unknown };

interface FailingPlace extends OpenedPlace {
  /** Makes the fault, and the call under it; `hit` says whether the fault fired. */
  fail(fault: WriteFault, call: () => Promise<unknown>): Promise<{ readonly hit: boolean; readonly written: Written }>;
}

function openFailing(place: Place, askForCut: (cut: "received" | "committed") => Promise<void>): FailingPlace {
  const refused = new RefusedOnce();
  const handle = new FailingHandle();
  let pool: pg.Pool | undefined;
  const opened = openPlace(place, {
    connections,
    // one fault takes every connection there is
    listen: false,
    patience: patience[place.store],
    wrapPool: (host) => {
      pool = host as unknown as pg.Pool;
      return refused.pool(host);
    },
    wrapDatabase: (db) => handle.database(db),
  });
  const under = async (call: () => Promise<unknown>): Promise<Written> => {
    try {
      return { result: await call() };
    } catch (error) {
      return { error };
    }
  };
  const failed = async (call: () => Promise<unknown>) => {
    const written = await under(call);
    return { hit: "error" in written, written };
  };
  return {
    ...opened,
    async fail(fault, call) {
      switch (fault) {
        case "serialization": {
          const before = refused.fired;
          refused.arm();
          const written = await under(call);
          return { hit: refused.fired > before, written };
        }
        case "cut":
        case "cut committed":
          await askForCut(fault === "cut" ? "received" : "committed");
          return failed(call);
        case "pool":
          return emptied(pool!, () => failed(call));
        case "lock":
          return locked(place, () => failed(call));
        default:
          handle.failing = fault;
          try {
            return await failed(call);
          } finally {
            handle.failing = undefined;
          }
      }
    },
  };
}

/** With every connection of the pool taken. */
async function emptied<T>(pool: pg.Pool, work: () => Promise<T>): Promise<T> {
  const taken: pg.PoolClient[] = [];
  try {
    for (let i = 0; i < connections; i++) taken.push(await pool.connect());
    pool.options.connectionTimeoutMillis = shortPatience;
    return await work();
  } finally {
    pool.options.connectionTimeoutMillis = patience.postgres;
    for (const client of taken) client.release();
  }
}

/** With SQLite's write lock in other hands. */
async function locked<T>(place: Place, work: () => Promise<T>): Promise<T> {
  if (place.store !== "sqlite") throw new Error("only SQLite has one lock for all");
  const other: Database.Database = sqliteHandle(place.file);
  try {
    for (;;) {
      try {
        other.exec("BEGIN IMMEDIATE");
        break;
      } catch (error) {
        if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
        await sleep(5);
      }
    }
    return await work();
  } finally {
    other.close();
  }
}
