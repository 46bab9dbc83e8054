import { setTimeout as sleep } from "node:timers/promises";
import type { Listening, MilepostError, WakeUpListener } from "@milepost/core/store";
import type { Database, HeldConnection, PostgresNotification } from "./driver.js";

/** Milliseconds. Together less than half a minute: so late at most is a dead connection replaced. */
export interface WakeUpTiming {
  /** Between two questions whether the connection is still there: one whose other end is gone says nothing by itself. */
  readonly keepalive: number;
  /** How long the server may take to answer one. */
  readonly deadline: number;
  /** How long the pool may take to hand out a connection, which may be one to a server that says nothing. */
  readonly patience: number;
  readonly firstPause: number;
  readonly longestPause: number;
}

const usual: WakeUpTiming = {
  keepalive: 10_000,
  deadline: 5_000,
  patience: 8_000,
  firstPause: 1_000,
  longestPause: 4_000,
};

/** Connections that the pool was asked for in vain and may be at work on still: they must not take all it has. */
const mostAwaited = 3;

export interface WakeUpOptions {
  /** Listen although a pooler stands between. */
  readonly throughPooler: boolean;
  readonly timing?: WakeUpTiming;
}

/** Why an attempt to listen came to an end. */
type End = "stopped" | "useless";

/** LISTEN on one connection of the host's pool, for as long as anybody listens. */
export class WakeUps {
  readonly #database: Database;
  readonly #throughPooler: boolean;
  readonly #timing: WakeUpTiming;
  readonly #listeners = new Set<WakeUpListener>();
  #stop: AbortController | undefined;
  #isHearing = false;
  readonly #awaited = new Set<Promise<void>>();

  constructor(database: Database, { throughPooler, timing = usual }: WakeUpOptions) {
    this.#database = database;
    this.#throughPooler = throughPooler;
    this.#timing = timing;
  }

  listen(given: WakeUpListener): Listening {
    // the same listener may be given twice, and each is closed for itself
    const listener: WakeUpListener = { onWake: () => given.onWake(), onOutage: (error) => given.onOutage(error) };
    this.#listeners.add(listener);
    if (this.#stop === undefined) {
      this.#stop = new AbortController();
      void this.#keepListening(this.#stop.signal);
    } else if (this.#isHearing) setImmediate(() => this.#listeners.has(listener) && listener.onWake());
    return {
      close: async () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size === 0) this.#end();
      },
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#end();
  }

  #end(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#isHearing = false;
  }

  /** Until nobody listens any more. An outage ends when a connection has held for a while, not when it was made. */
  async #keepListening(stop: AbortSignal): Promise<void> {
    const { firstPause, longestPause } = this.#timing;
    let pause = firstPause;
    let isOutage = false;
    while (!stop.aborted) {
      try {
        await this.#hear(stop, () => {
          isOutage = false;
          pause = firstPause;
        });
        return;
      } catch (error) {
        if (stop.aborted) return;
        this.#isHearing = false;
        if (!isOutage) this.#tellOutage(this.#database.asMilepostError(error));
        isOutage = true;
      }
      // not all processes at the same moment: they lost their connections together
      await sleep(pause * (1 - Math.random() / 4), undefined, { signal: stop }).catch(() => {});
      pause = Math.min(pause * 2, longestPause);
    }
  }

  /** Listens on one connection until it is lost, which throws, or until it is to end. */
  async #hear(stop: AbortSignal, onSteady: () => void): Promise<End> {
    const { keepalive, deadline } = this.#timing;
    let lose: (error: Error) => void = () => {};
    const lost = new Promise<never>((_, reject) => {
      lose = reject;
    });
    lost.catch(() => {});
    const { client, discard } = await this.#connection((error) => lose(error));
    const onNotification = ({ channel }: PostgresNotification) => {
      if (!stop.aborted && channel === this.#database.channel) this.#wake();
    };
    const ask = (text: string) => answered(client.query({ text }), lost, deadline);
    client.on("notification", onNotification);
    // at once, whatever is under way: a host that stops its worker wants its connection back to end the pool
    const stopped = new Promise<End>((resolve) => {
      if (stop.aborted) resolve("stopped");
      stop.addEventListener("abort", () => resolve("stopped"), { once: true });
    });
    const work = async (): Promise<End> => {
      if (!this.#throughPooler && (await isPooled(client.processID, ask))) return "useless";
      await ask(`LISTEN ${this.#database.channel}`);
      this.#isHearing = true;
      this.#wake();
      for (;;) {
        await Promise.race([sleep(keepalive, undefined, { signal: stop }), lost]);
        if (this.#database.poolIsEnding) return "useless";
        await ask("SELECT 1");
        onSteady();
      }
    };
    const working = work();
    working.catch(() => {});
    try {
      return await Promise.race([stopped, working]);
    } finally {
      client.removeListener("notification", onNotification);
      discard(new Error("it has listened"));
    }
  }

  /** One of the pool's, in time or not at all: then it goes back as soon as it comes. */
  async #connection(onLost: (error: Error) => void): Promise<HeldConnection> {
    while (this.#awaited.size >= mostAwaited) await Promise.race(this.#awaited);
    const coming = this.#database.hold(onLost);
    const nobody = new Promise<never>(() => {});
    try {
      return await answered(coming, nobody, this.#timing.patience, "the pool has no connection in time");
    } catch (error) {
      const late = coming
        .then(({ discard }) => discard(new Error("it came too late")))
        .catch(() => {})
        .finally(() => this.#awaited.delete(late));
      this.#awaited.add(late);
      throw error;
    }
  }

  #wake(): void {
    for (const { onWake } of this.#listeners) onWake();
  }

  #tellOutage(error: MilepostError): void {
    for (const { onOutage } of this.#listeners) onOutage(error);
  }
}

type Ask = (text: string) => Promise<{ readonly rows: unknown[] }>;

/**
 * Whether something between us and the server hands out connections of its own: then another process answers than the one
 * that was named when the connection was made. Behind one that changes connections with each transaction, LISTEN would
 * be accepted and nothing heard.
 */
async function isPooled(processID: number | null | undefined, ask: Ask): Promise<boolean> {
  if (typeof processID !== "number") return false;
  const { rows } = await ask("SELECT pg_catalog.pg_backend_pid()::text AS pid");
  return Number((rows[0] as { readonly pid: string }).pid) !== processID;
}

/** `answer`, unless the connection is lost before, or says nothing for `deadline` milliseconds. */
async function answered<T>(
  answer: Promise<T>,
  lost: Promise<never>,
  deadline: number,
  why: string = "the connection that listens does not answer any more",
): Promise<T> {
  const inTime = new AbortController();
  const late = sleep(deadline, undefined, { signal: inTime.signal }).then(() => {
    throw new Error(why);
  });
  late.catch(() => {});
  try {
    return await Promise.race([answer, lost, late]);
  } finally {
    inTime.abort();
  }
}
