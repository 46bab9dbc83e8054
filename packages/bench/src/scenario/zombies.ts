import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, type DeliveryMode, type DeliveryTiming, type Milepost, type Store } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal, readJournal } from "../check/journal.js";
import { readTables, tenant } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { HeldRow, Standstill, ZombieInput, ZombieOrder, ZombieReport } from "../program/zombie.js";
import { startSink } from "../sink/sink.js";
import type { SinkLine } from "../sink/sink-log.js";
import { openQueue, type Queue, type QueueShape, queueMilestone } from "../workload/queue.js";
import { seededRandom, shuffled } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const shared = {
  zombies: { full: 25, short: 5, what: "processes that come to a standstill side by side" },
  concurrency: { full: 4, short: 4, what: "messages that a process sends side by side" },
} satisfies Sizes;

const claimedSizes = {
  stops: { full: 500, short: 5, what: "SIGSTOPs after a claim" },
  ...shared,
} satisfies Sizes;
type ClaimedSize = ScaleOf<typeof claimedSizes>;

const markedSizes = {
  stops: { full: 500, short: 4, what: "SIGSTOPs after a mark, half of them in each mode" },
  blocks: { full: 240, short: 6, what: "blocked event loops, half of them in each mode" },
  ...shared,
} satisfies Sizes;
type MarkedSize = ScaleOf<typeof markedSizes>;

const lease = 800;
/** Milliseconds of a standstill, at least. */
const standstillTime = 3 * lease;
const delivery: Partial<DeliveryTiming> = {
  lease,
  callDeadline: 300,
  settleMargin: 100,
  retryBase: 10,
  retryCap: 50,
  maxClaims: 50,
};

export const stoppedAfterClaim: Scenario = {
  name: "R11",
  title: "SIGSTOP between claim and mark, for three leases: the stale mark changes nothing, nothing is called",
  stores: ["postgres", "sqlite"],
  sizes: claimedSizes,
  run: runClaimed,
};

export const stoppedAfterMark: Scenario = {
  name: "R12",
  title: "SIGSTOP and blocked event loops between mark and call, and in the call, for three leases",
  stores: ["postgres", "sqlite"],
  sizes: markedSizes,
  run: runMarked,
};

/** One standstill and all that is known of it. */
interface Standing {
  readonly zombie: string;
  readonly standstill: Standstill;
  held: readonly HeldRow[];
  milliseconds: number;
  readonly written: { readonly id: string; readonly late: boolean }[];
  readonly ends: { readonly id: string; readonly how: string }[];
}

async function runClaimed(context: ScenarioContext<ClaimedSize>): Promise<void> {
  const { scale, verdict } = context;
  const plan = Array.from({ length: scale.stops }, (): Standstill => "stop after the claim");
  const haunt = await hauntPlace(context, "at-most-once", plan);
  const { standings, lines } = haunt;
  const held = checkStandings(context, [haunt], plan.length);

  const marked = standings.flatMap(({ ends }) => ends.filter(({ how }) => how !== "mark lost"));
  verdict.exactly("staleMarksAnswered", marked.length, 0);
  // the same by the database's own word: no row became `sending` under a fence of before the standstill
  const stale = new Set(standings.flatMap((standing) => standing.held.map(({ id, fence }) => `${id} ${fence}`)));
  const moves = await readJournal(haunt.place);
  const staleMoves = moves.filter((m) => m.was === "leased" && m.now === "sending" && stale.has(keyOf(m)));
  verdict.exactly("staleMarks", staleMoves.length, 0);
  verdict.exactly("staleCalls", callsOf(standings, lines).length, 0);
  verdict.exactly(
    "sent",
    haunt.notifications.filter(({ state }) => state === "sent").length,
    haunt.notifications.length,
  );
  verdict.exactly("duplicated", lines.length - new Set(lines.map(({ notification }) => notification)).size, 0);
  verdict.exactly(
    "lost",
    held - new Set(lines.map((l) => l.notification).filter((id) => haunt.heldIds.has(id))).size,
    0,
  );
  await checkInvariants([haunt.place], verdict);
}

async function runMarked(context: ScenarioContext<MarkedSize>): Promise<void> {
  const { scale, seed, verdict } = context;
  const kinds = ["block after the mark", "block at sending", "block in the call"] as const;
  const modes = ["at-most-once", "at-least-once"] as const;
  const planOf = (mode: number): readonly Standstill[] => {
    const half = (count: number) => Math.floor(count / 2) + (mode === 0 ? count % 2 : 0);
    const stops = Array.from({ length: half(scale.stops) }, (): Standstill => "stop after the mark");
    const blocks = Array.from({ length: half(scale.blocks) }, (_, i): Standstill => kinds[(i + mode) % kinds.length]!);
    return shuffled([...stops, ...blocks], seededRandom(seed + mode));
  };
  const plans = modes.map((_, i) => planOf(i));
  // one after the other: side by side they would wait for each other's processes
  const haunts: Haunt[] = [];
  for (const [i, mode] of modes.entries()) haunts.push(await hauntPlace(context, mode, plans[i]!));
  checkStandings(context, haunts, scale.stops + scale.blocks);

  for (const { mode, lines, standings, notifications } of haunts) {
    const suffix = mode === "at-most-once" ? "AtMostOnce" : "AtLeastOnce";
    const copies = new Map<string, number>();
    for (const { notification } of lines) copies.set(notification, (copies.get(notification) ?? 0) + 1);
    verdict.atMost(`copiesOfOne${suffix}`, Math.max(0, ...copies.values()), mode === "at-most-once" ? 1 : 2);
    verdict.note(`duplicated${suffix}`, lines.length - copies.size);
    const missing = notifications.filter(({ id }) => !copies.has(id));
    const silent = missing.filter(({ state, reason }) => state !== "ambiguous" || reason === null);
    verdict.exactly(`lost${suffix}`, mode === "at-most-once" ? silent.length : missing.length, 0);
    verdict.exactly(`sentNotInSink${suffix}`, missing.filter(({ state }) => state === "sent").length, 0);
    if (mode === "at-most-once") {
      // what the sink has of a call that was lost is told by its own late answer, and by nothing else
      const late = idsOf(standings, "evidence");
      const proven = notifications.filter(({ id, state }) => late.has(id) && state === "sent");
      verdict.exactly("provenByEvidence", proven.length, late.size);
    }
  }
  const standings = haunts.flatMap((haunt) => haunt.standings);
  // between mark and call: whether the guard saw it, counted in messages
  const before = standings.filter(({ standstill }) => standstill !== "block in the call");
  const guarded = before.reduce((sum, { held }) => sum + held.length, 0);
  const slipped = before.reduce((sum, { written }) => sum + written.filter(({ late }) => late).length, 0);
  verdict.note("heldBeforeCall", guarded);
  verdict.note("writtenLate", slipped);
  verdict.atLeast("guardedPercent", Math.floor((1_000 * (guarded - slipped)) / guarded) / 10, 99);
  const inCall = standings.filter(({ standstill }) => standstill === "block in the call");
  const taken = (standing: Standing) => standing.held.filter(({ id }) => idsOf([standing], "lost", "evidence").has(id));
  verdict.note(
    "leaseLost",
    standings.reduce((sum, standing) => sum + taken(standing).length, 0),
  );
  verdict.note("evidence", [...idsOf(inCall, "evidence")].length);
  if (inCall.length > 0) verdict.atLeast("evidenceInCall", [...idsOf(inCall, "evidence")].length, 1);
  // a row that somebody else had taken over must be told as lost by the one that comes back
  const untold = standings.filter(({ standstill }) => standstill === "stop after the mark");
  verdict.exactly(
    "leaseLostUntold",
    untold.reduce((sum, one) => sum + one.held.length - taken(one).length, 0),
    0,
  );
  await checkInvariants(
    haunts.map(({ place }) => place),
    verdict,
  );
}

function idsOf(standings: readonly Standing[], ...how: readonly string[]): ReadonlySet<string> {
  return new Set(standings.flatMap(({ ends }) => ends.filter((end) => how.includes(end.how)).map(({ id }) => id)));
}

const keyOf = ({ notification, fence }: { readonly notification: string; readonly fence: number }) =>
  `${notification} ${fence}`;

/** What reached the sink from a process of a row that it had held when it came to a standstill before. */
function callsOf(standings: readonly Standing[], lines: readonly SinkLine[]): readonly SinkLine[] {
  const held = new Set(standings.flatMap(({ zombie, held }) => held.map(({ id }) => `${zombie} ${id}`)));
  return lines.filter(({ caller, notification }) => held.has(`${caller} ${notification}`));
}

/** That the faults were what they are said to be. Answers how many rows were held. */
function checkStandings({ verdict, faults }: ScenarioContext, haunts: readonly Haunt[], wanted: number): number {
  const standings = haunts.flatMap((haunt) => haunt.standings);
  const held = standings.reduce((sum, { held }) => sum + held.length, 0);
  verdict.note("seconds", Math.round(haunts.reduce((sum, { seconds }) => sum + seconds, 0) * 10) / 10);
  verdict.exactly("standstills", standings.length, wanted);
  verdict.exactly("loggedFaults", faults.read().length, wanted);
  verdict.atLeast("rowsHeld", held, wanted);
  verdict.note("lease", lease);
  const shortest = Math.min(...standings.map(({ milliseconds }) => milliseconds));
  // a timer may wake a little before its time
  verdict.atLeast("shortestMilliseconds", Math.round(shortest), standstillTime - 20);
  return held;
}

/** A place in which processes come to a standstill, round after round, and what came of it. */
interface Haunt {
  readonly place: Place;
  readonly mode: DeliveryMode;
  readonly seconds: number;
  readonly standings: readonly Standing[];
  readonly heldIds: ReadonlySet<string>;
  readonly notifications: Awaited<ReturnType<typeof readTables>>["notifications"];
  readonly lines: readonly SinkLine[];
}

async function hauntPlace(
  context: ScenarioContext<ClaimedSize>,
  mode: DeliveryMode,
  plan: readonly Standstill[],
): Promise<Haunt> {
  const { scale, places, crew } = context;
  const place = await places.create();
  await installJournal(place);
  const sink = await startSink(crew, places.folder, `sink-${mode}`);
  const shape: QueueShape = { sinkPort: sink.port, mode, maxAttempts: 5 };
  const queue = await openQueue(place, shape);
  await queue.shut();
  const zombies = Array.from({ length: Math.min(scale.zombies, plan.length) }, (_, i) => {
    const input = { ...shape, place, name: `${mode}-${i}`, concurrency: scale.concurrency, delivery };
    return new Zombie(
      input.name,
      crew.start("zombie", { ...input, faultFile: context.faults.file } satisfies ZombieInput),
    );
  });
  const rescuer = openRescuer(place, shape);
  const started = performance.now();
  const standings: Standing[] = [];
  const todo = [...plan];
  for (let round = 0; todo.length > 0; round++) {
    const orders = zombies.map((zombie) => ({ zombie, standstill: todo.shift() })).filter(isOrder);
    const done = await haunt(orders, { queue, rescuer, round, concurrency: scale.concurrency });
    standings.push(...done.standings);
    // who got nothing to hold has its turn again
    todo.push(...done.idle);
    if (done.standings.length === 0) throw new Error("no process came to a standstill in a whole round");
    context.progress(standings.length, plan.length);
  }
  await rescuer.all();
  const seconds = (performance.now() - started) / 1_000;
  await Promise.all(zombies.map((zombie) => zombie.end()));
  const { notifications } = await readTables(rescuer.store);
  await rescuer.close();
  await queue.close();
  await sink.stop();
  const heldIds = new Set(standings.flatMap(({ held }) => held.map(({ id }) => id)));
  return { place, mode, seconds, standings, heldIds, notifications, lines: await sink.lines() };
}

interface Order {
  readonly zombie: Zombie;
  readonly standstill: Standstill;
}
const isOrder = (order: { zombie: Zombie; standstill: Standstill | undefined }): order is Order =>
  order.standstill !== undefined;

interface Setting {
  readonly queue: Queue;
  readonly rescuer: Rescuer;
  readonly round: number;
  readonly concurrency: number;
}

/** Everybody claims, and comes to a standstill; somebody else takes over; everybody goes on. */
async function haunt(
  orders: readonly Order[],
  { queue, rescuer, round, concurrency }: Setting,
): Promise<{ readonly standings: readonly Standing[]; readonly idle: readonly Standstill[] }> {
  // half of its free slots: what a worker takes of one lane at once
  await queue.fill(orders.length * Math.ceil(concurrency / 2), `r${round}`);
  for (const { zombie, standstill } of orders) await zombie.arm(standstill);
  await queue.open();
  await Promise.race([Promise.all(orders.map(({ zombie }) => zombie.still)), quiet(orders)]);
  await queue.shut();
  const still = orders.filter(({ zombie }) => zombie.standing !== undefined);
  const idle = orders.filter(({ zombie }) => zombie.standing === undefined);
  for (const { zombie } of idle) zombie.disarm();
  const since = performance.now();
  await queue.open();
  const ids = still.flatMap(({ zombie }) => zombie.standing!.held.map(({ id }) => id));
  await rescuer.takeOver(ids);
  const left = standstillTime - (performance.now() - since);
  if (left > 0) await sleep(left);
  const stopped = still.filter(({ standstill }) => standstill.startsWith("stop"));
  for (const { zombie } of stopped) zombie.child.signal("SIGCONT");
  const standings = await Promise.all(still.map(({ zombie }) => zombie.over()));
  await queue.shut();
  return { standings, idle: idle.map(({ standstill }) => standstill) };
}

/** Over when for a whole lease nobody else has come to a standstill. */
async function quiet(orders: readonly Order[]): Promise<void> {
  const count = () => orders.filter(({ zombie }) => zombie.standing !== undefined).length;
  const deadline = performance.now() + 30_000;
  for (let before = -1; (before !== count() || before === 0) && performance.now() < deadline; ) {
    before = count();
    await sleep(lease);
  }
}

/** The harness's side of one process. */
class Zombie {
  readonly name: string;
  readonly child: Child;
  standing: Standing | undefined;
  still: Promise<void> = Promise.resolve();
  #order: Standstill | undefined;
  #onArmed: () => void = () => {};
  #onStill: () => void = () => {};
  #onNews: () => void = () => {};

  constructor(name: string, child: Child) {
    this.name = name;
    this.child = child;
    child.onMessage((message) => this.#hear(message as ZombieReport));
  }

  async arm(standstill: Standstill): Promise<void> {
    this.standing = undefined;
    this.#order = standstill;
    this.still = new Promise((resolve) => {
      this.#onStill = resolve;
    });
    const armed = new Promise<void>((resolve) => {
      this.#onArmed = resolve;
    });
    this.child.send({ standstill, milliseconds: standstillTime } satisfies ZombieOrder);
    await Promise.race([armed, this.#died()]);
  }

  disarm(): void {
    // nothing is left to claim, so it never comes to it; the next order replaces this one
    this.#order = undefined;
  }

  /** When everything it held has come to an end in its own eyes. */
  async over(): Promise<Standing> {
    const deadline = performance.now() + 60_000;
    while (!this.#isOver()) {
      if (performance.now() > deadline) throw new Error(`${this.name} tells nothing: ${JSON.stringify(this.standing)}`);
      const news = new Promise<void>((resolve) => {
        this.#onNews = resolve;
      });
      await Promise.race([news, sleep(1_000), this.#died()]);
    }
    return this.standing!;
  }

  async end(): Promise<void> {
    this.child.send({} satisfies ZombieOrder);
    await this.child.finished();
  }

  #isOver(): boolean {
    const { held, ends, milliseconds, standstill } = this.standing!;
    if (milliseconds === 0) return false;
    const last =
      standstill === "block in the call" ? ["sent", "evidence"] : ["mark lost", "sent", "retry", "lost", "evidence"];
    const over = new Set(ends.filter(({ how }) => last.includes(how)).map(({ id }) => id));
    return held.every(({ id }) => over.has(id));
  }

  async #died(): Promise<never> {
    const { code, signal } = await this.child.ended;
    throw new Error(`${this.name} ended with ${signal ?? `code ${code}`}: ${this.child.errors}`);
  }

  #hear(report: ZombieReport): void {
    if ("armed" in report) this.#onArmed();
    else if ("still" in report) {
      this.standing = {
        ...{ zombie: this.name, standstill: this.#order!, held: report.still, milliseconds: 0 },
        ...{ written: [], ends: [] },
      };
      this.#onStill();
    } else if ("awake" in report) this.standing!.milliseconds = report.awake;
    else if ("written" in report) this.standing!.written.push({ id: report.written, late: report.late });
    else this.standing!.ends.push({ id: report.end, how: report.how });
    this.#onNews();
  }
}

/** Who takes over: an engine of the harness, which does a pass whenever it is asked to. */
interface Rescuer {
  readonly store: Store;
  /** Until none of these is in the hands of who held it. */
  takeOver(ids: readonly string[]): Promise<void>;
  /** Until nothing is left to be sent. */
  all(): Promise<void>;
  close(): Promise<void>;
}

function openRescuer(place: Place, shape: QueueShape): Rescuer {
  const opened = openPlace(place, { connections: 2 });
  const milepost: Milepost = createMilepost({
    store: opened.store,
    milestones: [queueMilestone(shape, { caller: "rescuer" })],
    delivery: { ...delivery, lease: 5_000, callDeadline: 3_000 },
  });
  async function passesUntil(over: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!(await over())) {
      if (performance.now() > deadline) throw new Error("what a zombie held was not taken over within a minute");
      await milepost.runOnce({ concurrency: 50 });
      await sleep(50);
    }
  }
  const left = (states: readonly ("pending" | "leased" | "sending")[], ids?: readonly string[]) =>
    opened.store.notifications.list({ tenant, states, limit: 1_000, ...(ids !== undefined && { ids }) });
  return {
    store: opened.store,
    takeOver: (ids) => passesUntil(async () => (await left(["pending", "leased", "sending"], ids)).length === 0),
    all: () => passesUntil(async () => (await left(["pending", "leased", "sending"])).length === 0),
    async close() {
      await milepost.close();
      await opened.close();
    },
  };
}
