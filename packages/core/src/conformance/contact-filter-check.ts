import assert from "node:assert/strict";
import type { GivenContact } from "../contact/contact.js";
import { type ContactFilter, type FieldCondition, parseFilter } from "../contact/contact-filter.js";
import { matches } from "../contact/matches.js";
import type { Json, JsonObject } from "../json.js";
import { suppressionReasons } from "../recipient/suppression.js";
import { seeded } from "../seeded.js";
import type { Store } from "../store/store.js";
import { compareKeys } from "../text-key.js";
import { given, listed, person, stored } from "./contact-samples.js";
import { claimed, mark, notification, queued, settlement } from "./notification-samples.js";
import { at, hour, minute, start } from "./samples.js";

type Pick = <T>(from: readonly T[]) => T;

const words: readonly string[] = [
  ...[
    "",
    "a",
    "A",
    "ab",
    "a%",
    "a_b",
    "%",
    "_",
    "'",
    '"',
    "\\",
    "x'; --",
    "ä",
    "a\u0308",
    "\u{1f389}",
    "\u{1f389}\u{1f38a}",
  ],
  ...[
    "\uffff",
    "\ue000",
    "null",
    "true",
    "1",
    "01",
    "1.0",
    '{"a":1}',
    "[1]",
    "$.a",
    "long".repeat(500),
    "long".repeat(501),
  ],
];
const numbers: readonly number[] = [
  ...[0, 1, -1, 2, 10, 0.1, 0.30000000000000004, 0.3, 1e21, 1e-7, 123456789012345680000, 5e-324],
  ...[Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 2 ** 63],
];
const names: readonly string[] = ["plan", "code", "a b", 'q"u', "it's", "$", "0", "", "ä", "constructor", "%"];
const tags: readonly string[] = words.filter((word) => word !== "" && word.length < 50);
const times: readonly Date[] = [at(-hour), start, at(1), at(hour)];
const sources: readonly (string | null)[] = [null, "crm", "CRM", "a%", "'"];
const scopes: readonly string[] = ["*", "news", "offers"];

/**
 * Stores random contacts and asks for random filters: what the store finds and counts is what `matches` says of what is
 * stored. Numbers, texts, null, missing members, objects and lists are mixed in the fields.
 */
export async function checkContactFilters(store: Store, seed: number, filters = 60): Promise<void> {
  const random = seeded(seed);
  const pick: Pick = (from) => from[random(from.length)]!;
  await stored(
    store,
    Array.from({ length: 30 }, (_, i) => randomContact(`c${i}`, random, pick)),
  );
  await stored(store, [randomContact("c1", random, pick)], { tenant: "other" });
  await happened(store, random, pick);
  const all = await listed(store);
  for (let i = 0; i < filters; i++) {
    const filter = parseFilter(randomFilter(random, pick, 3));
    const told = `seed ${seed}, ${JSON.stringify(filter).slice(0, 2_000)}`;
    const expected = all.filter((contact) => matches(filter, contact)).map(({ id }) => id);
    assert.deepEqual(
      (await listed(store, filter)).map(({ id }) => id),
      expected,
      told,
    );
    assert.equal(await store.contacts.count({ tenant: "default", filter }), expected.length, told);
  }
}

/** Some were emailed, some came back, some said yes or no. */
async function happened(store: Store, random: (below: number) => number, pick: Pick): Promise<void> {
  const sent = Array.from({ length: 6 }, () => `c${random(30)}`);
  await queued(
    store,
    [...new Set(sent)].map((id) => notification({ id })),
    at(-hour),
  );
  for (const now of [at(-hour), start, at(1)]) {
    const [row] = await claimed(store, now);
    if (row === undefined) break;
    await store.notifications.mark({ marks: [mark(row)], lease: minute, now });
    await store.notifications.settle({ settlements: [settlement(row)], now });
  }
  for (let i = 0; i < 8; i++) {
    const address = { tenant: "default", recipientKey: `c${random(30)}@example.com` };
    await store.contacts.bounced(address);
    const about = { ...address, scope: pick(scopes), ...person, now: start };
    if (random(2) === 0) await store.suppressions.consent({ ...about, granted: random(3) > 0, source: "form" });
    else await store.suppressions.add({ ...about, reason: pick(suppressionReasons), detail: null });
  }
}

function randomContact(id: string, random: (below: number) => number, pick: Pick): GivenContact {
  const some = new Set(Array.from({ length: random(4) }, () => pick(tags)));
  return given(id, {
    channel: pick(["email", "sms"]),
    source: pick(sources),
    locale: pick([null, "en", "de-AT"]),
    zone: pick([null, "UTC", "Asia/Kathmandu"]),
    tags: [...some].sort(compareKeys),
    fields: randomObject(random, pick, 3),
  });
}

function randomObject(random: (below: number) => number, pick: Pick, depth: number): JsonObject {
  return Object.fromEntries(Array.from({ length: random(5) }, () => [pick(names), randomJson(random, pick, depth)]));
}

function randomJson(random: (below: number) => number, pick: Pick, depth: number): Json {
  const kind = random(depth > 0 ? 8 : 6);
  if (kind < 2) return pick(words);
  if (kind < 4) return randomNumber(random, pick);
  if (kind < 5) return pick([true, false, null]);
  if (kind < 6) return [pick(words), randomNumber(random, pick)];
  return randomObject(random, pick, depth - 1);
}

function randomNumber(random: (below: number) => number, pick: Pick): number {
  if (random(3) > 0) return pick(numbers);
  return ((random(2) * 2 - 1) * random(1_000_000_000)) / 10 ** random(12);
}

function randomFilter(random: (below: number) => number, pick: Pick, depth: number): ContactFilter {
  const inner = () => Array.from({ length: random(4) }, () => randomFilter(random, pick, depth - 1));
  const kind = random(depth > 0 ? 18 : 13);
  if (kind === 0) return { id: `c${random(32)}` };
  if (kind === 1) return { ids: Array.from({ length: random(5) }, () => `c${random(32)}`) };
  if (kind === 2) return { tag: pick(tags) };
  if (kind === 3) return { channel: pick(["email", "sms", "Email"]) };
  if (kind === 4) return { source: random(2) === 0 ? pick(sources) : ["crm", "'", "a%"].slice(random(3)) };
  if (kind === 5) return { locale: pick([null, "en", "de-AT", "DE-at"]) };
  if (kind === 6) return { zone: pick([null, "UTC", ["UTC", "Asia/Kathmandu"], []]) };
  if (kind === 7) {
    const [before, after] = [pick(times), pick(times)];
    return { lastEmailed: pick(["never" as const, { before }, { after }, { before, after }]) };
  }
  if (kind === 8) return { bounces: pick([{ gt: 0 }, { is: 1 }, { gte: 1, lt: 2 }, { lte: -1 }, { gt: 2 ** 50 }]) };
  if (kind === 9) return pick([{ suppressed: true }, { suppressed: false }, { suppressed: false, scope: "news" }]);
  if (kind === 10) return { consent: pick(scopes) };
  if (kind < 14) return randomCondition(random, pick);
  if (kind === 14) return { not: randomFilter(random, pick, depth - 1) };
  return kind === 15 ? { any: inner() } : { all: inner() };
}

function randomCondition(random: (below: number) => number, pick: Pick): FieldCondition {
  const field = Array.from({ length: 1 + random(2) }, () => pick(names)).join(".");
  const scalar = () =>
    pick<string | number | boolean | null>([pick(words), randomNumber(random, pick), true, false, null]);
  const orderable = () => pick<string | number>([pick(words), randomNumber(random, pick)]);
  const kind = random(7);
  if (kind === 0) return { field, is: scalar() };
  if (kind === 1) return { field, in: Array.from({ length: random(5) }, scalar) };
  if (kind === 2) return { field, exists: random(2) === 0 };
  if (kind === 3) return { field, startsWith: pick(words) };
  if (kind === 4) return { field, gt: orderable(), lte: orderable() };
  if (kind === 5) return { field, gte: orderable() };
  return { field, lt: orderable() };
}
