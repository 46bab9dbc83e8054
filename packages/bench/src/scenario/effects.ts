import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { createShopTables, type ShopRow, type ShopTables, withShops } from "../place/shop-tables.js";
import type { ShopHostInput, ShopHostMessage } from "../program/shop-host.js";
import { seededRandom, shuffled } from "../workload/random.js";
import { isCursed, isStubborn, shopBudgets, shopsOf, spendMetric, spentBy } from "../workload/shop-budgets.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  kills: { full: 500, short: 12, what: "of hosts, two thirds at a step of the store, one third at any moment" },
  together: { full: 4, short: 3, what: "hosts side by side, each with tables of its own" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** What lies between an event, or a limit, and the end of the evaluation that it leads to. */
const stepsOfEvaluation: ReadonlySet<string> = new Set([
  ...["counters.add", "limits.add", "limits.apply", "counters.wake", "counters.due", "limits.of"],
  ...["crossings.commitEvaluation", "parking.park", "crossings.list"],
]);

/** At the `hit`th time that the host comes by `point`, or that many milliseconds after it began. */
type Death = { readonly point: string; readonly hit: number } | { readonly after: number };

type Lived = Extract<ShopHostMessage, { at: "end" }>;

/** As many shops as are left undone by those that died, before one host may live. */
const mostLeft = 25;

export const effects: Scenario = {
  name: "effects",
  title:
    "kill -9 at every step of the evaluation: a shop is offline exactly if its crossing is recorded; an effect that always fails holds up no other",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, verdict, faults, progress } = context;
  const started = performance.now();
  const first = await openLane(context);
  const { hits, milliseconds } = await first.live();
  const points = hits.filter(([point]) => stepsOfEvaluation.has(stepOf(point)));
  const queue = plannedDeaths(points, milliseconds, scale.kills, seed);
  const planned = new Set(queue.flatMap((death) => ("point" in death ? [death.point] : [])));

  const others = Array.from({ length: Math.min(scale.together, scale.kills) - 1 }, () => openLane(context));
  const lanes = [first, ...(await Promise.all(others))];
  let missed = 0;
  async function work(lane: Lane): Promise<void> {
    for (let death = queue.shift(); death !== undefined; death = queue.shift()) {
      if (await lane.die(death)) progress(faults.read().length, scale.kills);
      else {
        missed++;
        queue.push(sooner(death));
      }
    }
    await lane.end();
  }
  const working = lanes.map(work);
  await Promise.allSettled(working);
  await Promise.all(working);

  const sum = (count: (found: Found) => number) => lanes.reduce((all, { found }) => all + count(found), 0);
  const atSteps = faults.read().filter(({ fault }) => fault !== "kill");
  verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
  verdict.exactly("kills", faults.read().length, scale.kills);
  verdict.note("killsAtSteps", atSteps.length);
  verdict.exactly("points", new Set(atSteps.map(({ fault }) => fault)).size, planned.size);
  verdict.note("missedDeaths", missed);
  verdict.atLeast(
    "looks",
    sum(({ looks }) => looks),
    scale.kills,
  );
  verdict.exactly(
    "offlineWithoutCrossing",
    sum((found) => found.offlineWithoutCrossing),
    0,
  );
  verdict.exactly(
    "crossingsWithoutEffect",
    sum((found) => found.crossingsWithoutEffect),
    0,
  );
  verdict.exactly(
    "heldUp",
    sum(({ heldUp }) => heldUp),
    0,
  );
  verdict.note(
    "shops",
    sum(({ shops }) => shops),
  );
  verdict.exactly(
    "wrongShops",
    sum(({ wrongShops }) => wrongShops),
    0,
  );
  verdict.exactly(
    "wrongCounters",
    sum(({ wrongCounters }) => wrongCounters),
    0,
  );
  verdict.exactly(
    "parked",
    sum(({ parked }) => parked),
    sum(({ cursed }) => cursed),
  );
  verdict.exactly(
    "wrongReleases",
    sum(({ wrongReleases }) => wrongReleases),
    0,
  );
  for (const { found } of lanes) for (const why of found.broken) verdict.fail(why);
}

const stepOf = (point: string) => point.split(/[:/]/)[0]!;

/** Every point at its first hit, then at any of its hits; and between them moments that nothing names. */
function plannedDeaths(points: Lived["hits"], milliseconds: number, kills: number, seed: number): Death[] {
  const random = seededRandom(seed);
  const named = Math.ceil((kills * 2) / 3);
  const firstHits = shuffled(points, random).map(([point]) => ({ point, hit: 1 }));
  const deaths: Death[] = firstHits.slice(0, named);
  while (deaths.length < named) {
    const [point, hits] = points[Math.floor(random() * points.length)]!;
    deaths.push({ point, hit: 1 + Math.floor(random() * hits) });
  }
  while (deaths.length < kills) deaths.push({ after: random() * milliseconds });
  return shuffled(deaths, random);
}

/** How often a point is passed depends a little on time; one that was passed once is passed again. */
function sooner(death: Death): Death {
  return "point" in death ? { ...death, hit: Math.ceil(death.hit / 2) } : { after: death.after / 2 };
}

/** What was seen of one lane: sums over all looks, and what it has come to. */
interface Found {
  looks: number;
  offlineWithoutCrossing: number;
  crossingsWithoutEffect: number;
  heldUp: number;
  shops: number;
  cursed: number;
  parked: number;
  wrongShops: number;
  wrongCounters: number;
  wrongReleases: number;
  readonly broken: string[];
}

/** One set of tables, and one host after another that works on it. */
interface Lane {
  readonly found: Found;
  live(): Promise<Lived>;
  /** Whether the host died as it was to. */
  die(death: Death): Promise<boolean>;
  /** One more host does what is left; then what came of it all is looked at. */
  end(): Promise<void>;
}

async function openLane({ places, crew, faults }: ScenarioContext<Size>): Promise<Lane> {
  const place = withShops(await places.create());
  const tables = await createShopTables(place);
  const left: string[] = [];
  const all: string[] = [];
  const found: Found = {
    ...{ looks: 0, offlineWithoutCrossing: 0, crossingsWithoutEffect: 0, heldUp: 0, shops: 0, cursed: 0, parked: 0 },
    ...{ wrongShops: 0, wrongCounters: 0, wrongReleases: 0, broken: [] },
  };

  async function openShops(): Promise<void> {
    const shops = shopsOf(all.length);
    await tables.open(shops.map((id) => ({ id, stubborn: isStubborn(id) })));
    all.push(...shops);
    left.push(...shops);
  }

  async function look(): Promise<void> {
    found.looks++;
    for (const row of await tables.rows()) {
      found.offlineWithoutCrossing += offlineWithout(row);
      found.crossingsWithoutEffect += crossingWithout(row);
    }
  }

  /** Starts a host on what is left; answers what it says of its end, or nothing if it died. */
  async function host(death: Death | undefined): Promise<Lived | undefined> {
    const target = death !== undefined && "point" in death ? { ...death, faultFile: faults.file } : undefined;
    const input: ShopHostInput = { place, shops: left, ...(target && { target }) };
    const child = crew.start("shop-host", input);
    let ended: Lived | undefined;
    const begun = new Promise<void>((resolve) => {
      child.onMessage((message) => {
        const told = message as ShopHostMessage;
        if (told.at === "end") ended = told;
        else resolve();
      });
    });
    if (death !== undefined && "after" in death) {
      await Promise.race([begun, child.ended]);
      await sleep(death.after);
      const { signal } = await child.kill();
      if (signal === "SIGKILL") faults.add("kill", `${Math.round(death.after)} ms after it began`);
    }
    const { code, signal } = await child.ended;
    if (code !== 0 && signal !== "SIGKILL")
      throw new Error(`a host ended with ${signal ?? `code ${code}`}: ${child.errors}`);
    await look();
    if (signal === "SIGKILL") return undefined;
    left.length = 0;
    found.heldUp += ended!.heldUp.length;
    found.broken.push(...ended!.errors);
    return ended!;
  }

  async function live(): Promise<Lived> {
    return (await host(undefined))!;
  }

  return {
    found,
    async live() {
      await openShops();
      return live();
    },
    async die(death) {
      if (left.length >= mostLeft) await live();
      await openShops();
      return (await host(death)) === undefined;
    },
    async end() {
      if (left.length > 0) await live();
      await audit(place, tables, all, found);
      await tables.close();
    },
  };
}

function offlineWithout({ online, warned, taken, half, whole }: ShopRow): number {
  return Math.max(0, warned - half) + Math.max(0, taken - whole, online ? 0 : 1 - whole);
}

function crossingWithout({ online, warned, taken, half, whole }: ShopRow): number {
  return Math.max(0, half - warned) + Math.max(0, whole - taken, online ? whole : 0);
}

/** What the shops, counters and parked ones have come to; then a person looks after those that are parked. */
async function audit(place: Place, tables: ShopTables, all: readonly string[], found: Found): Promise<void> {
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store, milestones: [shopBudgets] });
  try {
    const cursed = all.filter(isCursed);
    found.shops += all.length;
    found.cursed += cursed.length;
    for (const row of await tables.rows()) {
      const done = row.warned === 1 && row.taken === 1 && !row.online && row.half === 1 && row.whole === 1;
      const untouched = row.warned + row.taken + row.half + row.whole === 0 && row.online;
      if (!(isCursed(row.id) ? untouched : done)) found.wrongShops++;
    }
    const counters = await milepost.counters.list({ metric: spendMetric, limit: 10_000 });
    const wrong = counters.filter(({ subject, value, due }) => value !== spentBy(subject) || due !== isCursed(subject));
    found.wrongCounters += wrong.length + Math.abs(counters.length - all.length);
    const parked = await milepost.parked.list({ limit: 10_000 });
    found.parked += parked.filter(({ subject, reason }) => isCursed(subject) && reason === "effect_failed").length;

    await tables.giveIn();
    for (const subject of cursed) {
      const act = { metric: spendMetric, subject, by: "chaos", why: "its row is repaired" };
      const left = await milepost.parked.release({ ...act, withoutEffects: !isStubborn(subject) });
      if (left !== null) found.wrongReleases++;
    }
    for (const { id, warned, taken, half, whole } of await tables.rows()) {
      const ran = isCursed(id) && !isStubborn(id) ? 0 : 1;
      if (half !== 1 || whole !== 1 || warned !== ran || taken !== ran) found.wrongReleases++;
    }
  } finally {
    await milepost.close();
    await opened.close();
  }
}
