import { setTimeout as sleep } from "node:timers/promises";
import { checkCounting } from "../check/counting.js";
import { checkDelivery } from "../check/delivery.js";
import { atRest, readTables } from "../check/tables.js";
import { createHostTable, openHostPlace } from "../place/host-place.js";
import { openPlace } from "../place/place.js";
import type { Fate, HostInput, HostReport } from "../program/host.js";
import type { WorkerInput } from "../program/worker.js";
import { startSink } from "../sink/sink.js";
import { evenLevels } from "../workload/announced-milestone.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";
import { seededRandom, shuffled } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  hosts: { full: 6, short: 3, what: "processes with transactions" },
  transactions: { full: 2_000, short: 200, what: "of all hosts together" },
  rollbacks: { full: 1_000, short: 100, what: "transactions that are rolled back", zero: "none" },
  kills: { full: 40, short: 4, what: "of hosts in the other transactions, half in the commit", zero: "none" },
  subjects: { full: 20, short: 5, what: "counters" },
  thresholds: { full: 25, short: 10, what: "levels of the milestone" },
  workers: { full: 2, short: 2, what: "processes that drain, announce and send" },
  concurrency: { full: 10, short: 5, what: "messages that a worker sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const hostTransactions: Scenario = {
  name: "R4",
  title:
    "events recorded in transactions of hosts that commit, roll back or are killed: exactly the committed ones count",
  stores: ["postgres", "sqlite"],
  sizes,
  conflict({ transactions, rollbacks, kills }: Size) {
    if (rollbacks + kills <= transactions) return undefined;
    return `--rollbacks (${rollbacks}) and --kills (${kills}) together are above --transactions (${transactions})`;
  },
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, faults, verdict, progress } = context;
  const place = await places.create();
  await createHostTable(place);
  const sink = await startSink(crew, places.folder);
  const shape: StreamShape = { seed, streams: 1, events: scale.transactions, subjects: scale.subjects };
  const committing = scale.transactions - scale.rollbacks;
  const levels = evenLevels(scale.thresholds, Math.floor(committing / scale.subjects));
  const fates = plannedFates(context);

  const started = performance.now();
  // they drain, evaluate, announce and send
  const workers = Array.from({ length: scale.workers }, () => {
    const { concurrency } = scale;
    const delivery = { lease: 20_000, callDeadline: 15_000, settleMargin: 1_000 };
    return crew.start("worker", { place, levels, sinkPort: sink.port, concurrency, delivery } satisfies WorkerInput);
  });
  const done = Array.from({ length: scale.hosts }, () => 0);

  /** One host's transactions, through as many processes as die of them. */
  async function host(index: number): Promise<void> {
    const all = fates.filter((_, n) => n % scale.hosts === index);
    let orders = all;
    for (;;) {
      const child = crew.start("host", { place, shape, levels, orders, faultFile: faults.file } satisfies HostInput);
      const before = all.length - orders.length;
      child.onMessage((message) => {
        done[index] = before + (message as HostReport).done;
        progress(sum(done), scale.transactions);
      });
      const { signal } = await child.ended;
      if (signal !== "SIGKILL") return child.finished();
      // what the host of a real shop would not know either: whether the order it was killed in is there
      orders = orders.slice(orders.findIndex(([, fate]) => isDeath(fate)) + 1);
    }
  }
  await Promise.all(done.map((_, index) => host(index)));
  const seconds = (performance.now() - started) / 1_000;

  const opened = openPlace(place);
  const shop = openHostPlace(place, {});
  try {
    const waiting = async () => (await opened.store.inbox.list({ refused: false, limit: 1 })).length > 0;
    const counters = () => opened.store.counters.list({ tenant: "default", limit: 1_000 });
    const unsettled = async () =>
      (await waiting()) || (await counters()).some(({ due }) => due) || !(await atRest(opened.store));
    for (const deadline = performance.now() + 120_000; await unsettled(); await sleep(50)) {
      if (performance.now() > deadline) break;
    }
    verdict.note("drainSeconds", round((performance.now() - started) / 1_000 - seconds));
    for (const worker of workers) worker.send({});
    await Promise.all(workers.map((worker) => worker.finished()));
    await sink.stop();

    const orders = await shop.orders();
    const planned = (fate: Fate) => fates.filter(([, each]) => each === fate);
    const stored = (fate: Fate) => planned(fate).filter(([n]) => orders.has(eventAt(shape, 0, n).id)).length;
    const killed = (fate: Fate) => faults.read().filter(({ fault }) => fault === `kill ${fate}`).length;
    verdict.note("seconds", round(seconds));
    verdict.exactly("transactions", fates.length, scale.transactions);
    verdict.exactly("kills", faults.read().length, scale.kills);
    verdict.exactly("killsBeforeCommit", killed("open"), planned("open").length);
    verdict.exactly("killsInCommit", killed("committing"), planned("committing").length);
    verdict.note("committed", orders.size);
    verdict.note("rolledBack", scale.transactions - orders.size);
    verdict.note("committedOfKilledInCommit", stored("committing"));
    verdict.exactly("committedRowsMissing", planned("commit").length - stored("commit"), 0);
    verdict.exactly("rolledBackRowsFound", stored("rollback") + stored("open"), 0);

    // the host's table decides what was to be counted
    const events = new Map<string, Set<string>>();
    for (const [id, subject] of orders) events.set(subject, (events.get(subject) ?? new Set()).add(id));
    const tables = await readTables(opened.store);
    checkCounting(tables, { events, levels }, verdict);
    const lines = await sink.lines();
    const wanted = { mode: "at-most-once", recipients: 1, inFlightAtKills: 0, maxAttempts: 5 } as const;
    checkDelivery(tables, lines, wanted, verdict);
    const causes = new Map(tables.crossings.map(({ id, eventId }) => [id, eventId]));
    const crossingOf = new Map(tables.notifications.map(({ id, source }) => [id, source.id]));
    const cause = (notification: string) => causes.get(crossingOf.get(notification) ?? "") ?? "";
    verdict.exactly("sentForOthers", lines.filter(({ notification }) => !orders.has(cause(notification))).length, 0);
    const left = await Promise.all([false, true].map((refused) => opened.store.inbox.list({ refused, limit: 1_000 })));
    verdict.exactly("inboxLeft", left.flat().length, 0);
  } finally {
    await opened.close();
    await shop.close();
  }
}

/** Every transaction's end, by its number: as many of each as asked for, in a seeded order. */
function plannedFates({ scale, seed }: ScenarioContext<Size>): readonly (readonly [n: number, fate: Fate])[] {
  const { transactions, rollbacks, kills } = scale;
  const fates = Array.from({ length: transactions }, (_, i): Fate => {
    if (i < rollbacks) return "rollback";
    if (i < rollbacks + kills) return i % 2 === 0 ? "open" : "committing";
    return "commit";
  });
  return shuffled(fates, seededRandom(seed)).map((fate, n) => [n, fate] as const);
}

function isDeath(fate: Fate): boolean {
  return fate === "open" || fate === "committing";
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
