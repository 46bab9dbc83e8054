import { randomBytes } from "node:crypto";
import {
  accepted,
  ambiguous,
  createMilepost,
  keyRing,
  type Milepost,
  MilepostError,
  milestone,
  type Notifier,
  refusedPermanent,
  thresholds,
} from "@milepost/core";
import { rewritingDriver } from "../fault/rewritten-sql.js";
import { type OpenOptions, openPlace, type Place, type StoreName } from "../place/place.js";
import { openRawTables, type RawTables } from "../place/raw-tables.js";
import { companyOperations, type Dice } from "../workload/company-operations.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  operations: { full: 100_000, short: 2_000, what: "of both companies together" },
  turn: { full: 1_000, short: 100, what: "operations of one company before it is the other's turn" },
  spoiled: { full: 2_000, short: 400, what: "operations over a statement that has lost its tenant" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const tenants: Scenario = {
  name: "tenants",
  title: "two companies use everything with each other's ids, and each hears and keeps what it would alone",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

const companies = ["north", "south"] as const;
type Company = (typeof companies)[number];

const start = Date.parse("2026-11-02T08:00:00Z");
const recipientsAtFirst = 60;
const addresses = 20;

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, store, verdict } = context;
  const found = await compared(context, scale.operations, Object.keys(companyOperations), {});
  const { operations } = found;
  verdict.exactly("operations", operations, scale.operations);
  verdict.note("operationsPerSecond", found.perSecond);
  verdict.note("kinds", Object.keys(companyOperations).length);
  verdict.note("neverAnswered", [...found.silent]);
  verdict.note("refusedPercent", Math.round((found.refused / operations) * 100));
  verdict.exactly("rawErrors", found.rawErrors.length, 0);
  verdict.exactly("answersWithTheOther", found.answers.length, 0);
  verdict.exactly("rowsOfTheOtherChanged", found.changed, 0);
  verdict.exactly("rowsUnlikeAlone", found.unlike, 0);
  verdict.atLeast("rowsCompared", found.rows, 100);
  for (const why of [...found.answers.slice(0, 3), ...found.rawErrors.slice(0, 3)]) verdict.fail(why);

  // that a lost predicate would be seen
  for (const [name, spoil] of Object.entries(spoilings[store])) {
    let spoiled = 0;
    const rewrite = (sql: string) => {
      const text = sql.replace(spoil.statement, spoil.without);
      if (text !== sql) spoiled++;
      return text;
    };
    const seen = await compared(context, scale.spoiled, ofCampaigns, rewritingDriver(rewrite));
    verdict.atLeast(`${name}Spoiled`, spoiled, 1);
    verdict.atLeast(`${name}Seen`, name === "read" ? seen.answers.length : seen.changed, 1);
  }
}

interface Spoiling {
  readonly statement: RegExp;
  readonly without: (found: string, before: string, after: string) => string;
}

const ofCampaigns = Object.keys(companyOperations).filter((name) => name.startsWith("campaigns."));

/** One statement of campaigns that reads and one that writes, each without its tenant. */
const spoilings: Readonly<Record<StoreName, Readonly<Record<"read" | "write", Spoiling>>>> = {
  postgres: {
    read: {
      statement: /( FROM \S*campaigns"? c WHERE )c\.tenant = \$1( AND c\.id = \$2)$/,
      without: (_, before, after) => `${before}$1::text IS NOT NULL${after}`,
    },
    write: {
      statement: /^(\s*UPDATE \S*campaigns"? c SET name = [\s\S]*\nWHERE )c\.tenant = \$1( AND c\.id = \$2\s)/,
      without: (_, before, after) => `${before}$1::text IS NOT NULL${after}`,
    },
  },
  sqlite: {
    read: {
      statement: /^(SELECT \* FROM \S*campaigns"? WHERE )tenant = \?( AND id = \?)$/,
      without: (_, before, after) => `${before}? IS NOT NULL${after}`,
    },
    write: {
      statement: /^(UPDATE \S*campaigns"? SET .* WHERE )tenant = \?( AND id = \?)$/s,
      without: (_, before, after) => `${before}? IS NOT NULL${after}`,
    },
  },
};

interface Compared {
  readonly operations: number;
  readonly perSecond: number;
  /** Operations that were refused, as for what is not there. */
  readonly refused: number;
  /** Kinds of operations that never succeeded. */
  readonly silent: ReadonlySet<string>;
  /** What no caller should see: an error without a code. */
  readonly rawErrors: readonly string[];
  /** Operations that were answered otherwise than where the company is alone. */
  readonly answers: readonly string[];
  /** Rows of a company that are other ones after the other's turn. */
  readonly changed: number;
  /** Rows of a company at the end that are not as where it is alone. */
  readonly unlike: number;
  readonly rows: number;
}

/**
 * The same operations where both companies are, and where each is alone. Time, randomness and ids are decided for each
 * company, and both have the same names, addresses and ids, so that nothing but the tenant tells them apart.
 */
async function compared(
  { places, seed, scale, progress }: ScenarioContext<Size>,
  operations: number,
  names: readonly string[],
  driver: Pick<OpenOptions, "wrapPool" | "wrapDatabase">,
): Promise<Compared> {
  const { turn } = scale;
  const together = await openWorld(await places.create(), driver);
  const alone = {
    north: await openWorld(await places.create(), {}),
    south: await openWorld(await places.create(), {}),
  };
  const worlds = [together, alone.north, alone.south];
  try {
    for (const company of companies) {
      for (const world of [together, alone[company]]) await begin(world, company);
    }
    const random = seededRandom(seed);
    const silent = new Set(names);
    const answers: string[] = [];
    const rawErrors: string[] = [];
    let refused = 0;
    let changed = 0;
    const began = performance.now();
    for (let from = 0; from < operations; from += turn) {
      const company = companies[(from / turn) % 2]!;
      const other = companies[1 - companies.indexOf(company)]!;
      const before = await rowsOfCompany(together.raw, other);
      for (let n = from; n < Math.min(operations, from + turn); n++) {
        const name = names[Math.floor(random() * names.length)]!;
        const thrown = Math.floor(random() * 2 ** 31);
        const issued = Math.max(alone.north.issued.north, alone.south.issued.south);
        const both: string[] = [];
        for (const world of [together, alone[company]]) {
          world.acting = company;
          world.now = start + n * 1_000;
          const dice = diceOf(company, n, new Date(world.now), seededRandom(thrown), issued);
          const { text, raw } = await answerOf(() => companyOperations[name]!(world.milepost, dice));
          if (raw) rawErrors.push(`${name}: ${text}`);
          both.push(text);
        }
        if (both[0]!.startsWith("refused")) refused++;
        else silent.delete(name);
        if (both[0] !== both[1])
          answers.push(`${company}, ${name}, answered ${cut(both[0]!)}; alone: ${cut(both[1]!)}`);
      }
      changed += differing(before, await rowsOfCompany(together.raw, other));
      progress(Math.min(operations, from + turn), operations);
    }
    const perSecond = Math.round((operations * 1_000) / (performance.now() - began));
    let unlike = 0;
    let rows = 0;
    for (const company of companies) {
      const here = await rowsOfCompany(together.raw, company, masked);
      rows += here.length;
      unlike += differing(here, await rowsOfCompany(alone[company].raw, company, masked));
    }
    return { operations, perSecond, refused, silent, rawErrors, answers, changed, unlike, rows };
  } finally {
    for (const world of worlds) await world.close();
  }
}

/** One engine over tables of its own. Its clock and ids are those of the company that acts. */
interface World {
  acting: Company;
  now: number;
  readonly issued: Record<Company, number>;
  readonly milepost: Milepost;
  readonly raw: RawTables;
  close(): Promise<void>;
}

const keys = keyRing({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });

async function openWorld(place: Place, driver: Pick<OpenOptions, "wrapPool" | "wrapDatabase">): Promise<World> {
  const opened = openPlace(place, { connections: 2, listen: false, ...driver });
  const raw = openRawTables(place);
  const world = { acting: companies[0] as Company, now: start, issued: { north: 0, south: 0 } };
  const milepost = createMilepost({
    store: opened.store,
    keyRing: keys,
    notifiers: [mail, throughAccounts],
    milestones: [milestone({ name: "busy", metric: "orders", policy: thresholds(3, 10, 30, 100) })],
    runtime: {
      now: () => new Date(world.now),
      random: () => 0.5,
      id: () => idOf(world.issued[world.acting]++),
    },
  });
  return Object.assign(world, {
    milepost,
    raw,
    async close() {
      await milepost.close();
      await raw.close();
      await opened.close();
    },
  });
}

const idOf = (n: number) => `id-${String(n).padStart(6, "0")}`;

/** What becomes of a message is in its address. */
const mail: Notifier = {
  ...{ name: "mail", channel: "email", mode: "at-most-once" },
  async send({ to }) {
    const number = Number(/\d+/.exec(to.address)?.[0]);
    if (number % 4 === 1) return refusedPermanent("there is no such box");
    return number % 4 === 2 ? ambiguous("cut off") : accepted(`receipt of ${number}`);
  },
};
const throughAccounts: Notifier = {
  ...mail,
  name: "accounts",
  accounts: { problem: () => null, validate: async () => ({ ok: true, revision: 1 }) },
};

/** Messages that were sent, failed, or are unknown, and one crossing. */
async function begin(world: World, company: Company): Promise<void> {
  world.acting = company;
  const person = { tenant: company, by: `a person of ${company}`, why: "the beginning" };
  const id = `${company}-0`;
  await world.milepost.campaigns.create({ ...person, id, notifier: "mail", message: { text: `Of ${company}` } });
  const recipients = Array.from({ length: recipientsAtFirst }, (_, i) => ({ address: addressOf(i) }));
  await world.milepost.campaigns.launch({ ...person, id, recipients });
  await world.milepost.runOnce({ concurrency: 1 });
}

const addressOf = (i: number) => `p${i}@chaos.example`;

function diceOf(tenant: Company, number: number, now: Date, random: () => number, issued: number): Dice {
  const below = (count: number) => Math.floor(random() * count);
  const oneOf = <T>(these: readonly T[]): T => these[below(these.length)]!;
  // what has ended under a name stays so: others come into use
  const era = Math.floor(number / 500);
  return {
    ...{ tenant, number, now, below, oneOf },
    anyName: () => `${oneOf(["shared", ...companies])}-${below(4) + era}`,
    ownName: () => `${oneOf(["shared", tenant])}-${below(4) + era}`,
    anyId: () => idOf(below(2) === 0 ? below(issued) : Math.max(0, issued - 1 - below(60))),
    address: () => addressOf(below(addresses)),
  };
}

async function answerOf(operation: () => Promise<unknown>): Promise<{ readonly text: string; readonly raw: boolean }> {
  try {
    // numbers are given out over all companies, and rise for each
    const text = JSON.stringify(await operation(), (key, value) => (key === "number" ? undefined : value));
    return { text: text ?? "undefined", raw: false };
  } catch (error) {
    const raw = !MilepostError.is(error);
    return { text: raw ? String(error) : `refused: ${error.code} ${error.message}`, raw };
  }
}

const cut = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

/** Numbers are given out over all companies, and a cursor may be one; credentials are sealed with a nonce. */
const masked: ReadonlySet<string> = new Set(["number", "cursor", "credentials"]);

/** Every row that is a company's, with the name of its table. */
async function rowsOfCompany(
  raw: RawTables,
  company: Company,
  without: ReadonlySet<string> = new Set(),
): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const table of await raw.tenantTables()) {
    const found = await raw.all<Record<string, unknown>>(
      `SELECT * FROM ${raw.table(table)} WHERE tenant = '${company}'`,
    );
    for (const row of found) {
      const columns = Object.entries(row).filter(([name]) => !without.has(name));
      rows.push(`${table} ${JSON.stringify(columns)}`);
    }
  }
  return rows;
}

/** How many rows are in one of the two and not in the other. */
function differing(some: readonly string[], others: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const row of some) counts.set(row, (counts.get(row) ?? 0) + 1);
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) - 1);
  return [...counts.values()].reduce((sum, count) => sum + Math.abs(count), 0);
}
