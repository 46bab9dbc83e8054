import assert from "node:assert/strict";
import { birthReason, type Crossing, type CrossingBirth, type NewCrossing } from "../milestone/crossing.js";
import type { CrossingRepository } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  assertOwnClock,
  at,
  awkwardJson,
  awkwardKeys,
  birth,
  bytewise,
  claimed,
  counter,
  counterKey,
  crossed,
  crossing,
  dueCounter,
  evaluation,
  event,
  mark,
  minute,
  notification,
  notifications,
  queued,
  quiet,
  record,
  refused,
  restless,
  row,
  settlement,
  start,
  template,
  twoStores,
} from "./samples.js";

const about = "crossings";
const milestones: readonly string[] = ["emails-delivered"];
const max = Number.MAX_SAFE_INTEGER;

/** A crossing as it is listed after its evaluation was committed. */
function stored(given: NewCrossing, fields: Partial<Crossing> = {}): Crossing {
  const born = {
    reason: birthReason(given.state),
    detail: null,
    notifications: 0,
    attempts: 0,
    createdAt: start,
  };
  return { ...given, ...born, ...fields };
}

async function listed(store: Store, tenant = "default"): Promise<readonly Crossing[]> {
  return store.crossings.list({ tenant, limit: 10_000 });
}

/** Counts one event of amount 1 on a counter that is due from its birth on. */
async function due(store: Store, subject = "acme", id = "evt-1"): Promise<void> {
  await record(store, [event({ subject, id, feeds: [birth({ due: true })] })]);
}

type Announcement = Parameters<CrossingRepository["announce"]>[0];
/** The last announcement of the first claim of `cro-1`, to nobody, unless said. */
function announcement(fields: Partial<Announcement> = {}): Announcement {
  return {
    ...{ tenant: "default", id: "cro-1", fence: 1, notifications: [], templates: { "tpl-1": template } },
    last: true,
    lease: minute,
    now: start,
    ...fields,
  };
}

type Release = Parameters<CrossingRepository["release"]>[0];
function giveBack(fields: Partial<Release> = {}): Release {
  return {
    tenant: "default",
    id: "cro-1",
    fence: 1,
    to: "pending",
    retryIn: 0,
    refund: false,
    reason: null,
    detail: null,
    now: start,
    ...fields,
  };
}

async function claim(store: Store, now: Date = start, limit = 100): Promise<readonly string[]> {
  return (await store.crossings.claim({ milestones, limit, lease: minute, now })).map((each) => each.id);
}

const commitCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a committed evaluation stores its crossings with every field and ends the wait of its counter",
    async run(opened) {
      const { store } = opened;
      await due(store);
      const first = crossing({ limitVersion: 3, arming: 2, previous: -5, value: max, at: -max });
      const second = crossing({
        id: "cro-2",
        threshold: "50%",
        direction: "falling",
        reachedAt: new Date(-1),
      });
      const input = { evaluations: [evaluation({ crossings: [first, second] })], now: start };
      assert.deepEqual(await store.crossings.commitEvaluation(input), ["committed"]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [stored(first), stored(second)]);
      assert.deepEqual(await counter(other), { value: 1, rev: 1, due: false });
      assert.equal(await dueCounter(other), undefined);
    },
  },
  {
    about,
    name: "each state a crossing is born in carries its reason, and only pending ones are claimed",
    async run({ store }) {
      const births: CrossingBirth[] = ["pending", "adopted", "superseded", "too_soon", "expired", "silent"];
      const crossings = births.map((state) => crossing({ id: state, threshold: state, state }));
      await due(store);
      await store.crossings.commitEvaluation({ evaluations: [evaluation({ crossings })], now: start });
      const expected = crossings.map((each) => stored(each)).sort((a, b) => (a.id < b.id ? -1 : 1));
      assert.deepEqual(await listed(store), expected);
      assert.deepEqual(
        expected.map((each) => each.reason),
        ["adopted", "expired", null, "silent", "superseded", "too_soon"],
      );
      assert.deepEqual(await claim(store), ["pending"]);
    },
  },
  {
    about,
    name: "a counter with later revs stays due with exactly the rows after upTo",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      for (let i = 1; i <= 4; i++) await record(store, [event({ id: `e${i}`, amount: i, feeds })]);
      const before = (await dueCounter(store))!.trail;
      const evaluations = [evaluation({ upTo: 2, state: { m: "two" } })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
      assert.deepEqual(await counter(store), { value: 10, rev: 4, due: true });
      assert.deepEqual(await dueCounter(store), {
        ...{ ...counterKey(), folded: 2, state: { m: "two" }, trail: before.slice(2) },
      });
      const rest = [evaluation({ from: 2, upTo: 4 })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: rest }), ["committed"]);
      assert.deepEqual(await counter(store), { value: 10, rev: 4, due: false });
    },
  },
  {
    about,
    name: "an evaluation takes in revs that wrote no trail because they were in the band",
    async run({ store }) {
      await due(store);
      await store.crossings.commitEvaluation({
        evaluations: [evaluation({ band: { below: null, above: 4 } })],
      });
      for (const id of ["q1", "q2"]) await record(store, [event({ id })]);
      await record(store, [event({ id: "out", amount: 5 })]);
      assert.deepEqual(await dueCounter(store), {
        ...{ ...counterKey(), folded: 1, state: {} },
        trail: [{ rev: 4, from: 3, ids: ["out"], amounts: [5], occurredAts: [start] }],
      });
      const evaluations = [evaluation({ from: 1, upTo: 4 })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
      assert.deepEqual(await counter(store), { value: 8, rev: 4, due: false });
    },
  },
  {
    about,
    name: "the committed band decides the next batch, and both its bounds are replaced",
    async run({ store }) {
      await record(store, [event({ amount: 50, feeds: [birth({ below: 0, above: 10, due: true })] })]);
      const evaluations = [evaluation({ band: { below: 40, above: 60 } })];
      await store.crossings.commitEvaluation({ evaluations });
      await record(store, [event({ id: "up", amount: 9 })]);
      assert.deepEqual(await counter(store), { value: 59, rev: 2, due: false });
      await record(store, [event({ id: "down", amount: -19 })]);
      assert.deepEqual(await counter(store), { value: 40, rev: 3, due: true });
      const open = [evaluation({ from: 1, upTo: 3, band: quiet })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: open }), ["committed"]);
      await record(store, [event({ id: "far", amount: -1000 })]);
      await record(store, [event({ id: "back", amount: 5000 })]);
      assert.deepEqual(await counter(store), { value: 4040, rev: 5, due: false });
    },
  },
  {
    about,
    name: "state comes back as it was committed, whatever JSON it is, and is replaced as a whole",
    async run(opened) {
      const { store } = opened;
      const states = [{ "emails-delivered": awkwardJson }, { other: { high: -max } }, {}];
      await due(store);
      for (const [i, state] of states.entries()) {
        const evaluations = [evaluation({ from: i, upTo: i + 1, state, band: restless })];
        assert.deepEqual(await store.crossings.commitEvaluation({ evaluations }), ["committed"]);
        await record(store, [event({ id: `again-${i}` })]);
        const [, other] = await twoStores(opened);
        assert.deepEqual((await dueCounter(other))?.state, state);
      }
    },
  },
  {
    about,
    name: "a crossing whose key exists is left as it is, and the rest of the evaluation is committed",
    async run({ store }) {
      const first = crossing();
      await crossed(store, [first]);
      await record(store, [event({ id: "evt-2" })]);
      const again = crossing({ id: "cro-again", value: 5, eventId: "evt-2", state: "silent" });
      const fresh = crossing({ id: "cro-fresh", arming: 2 });
      const evaluations = [evaluation({ from: 1, upTo: 2, crossings: [again, fresh] })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now: at(5) }), ["committed"]);
      assert.deepEqual(await listed(store), [stored(first), stored(fresh, { createdAt: at(5) })]);
      assert.equal((await counter(store))?.due, false);
    },
  },
  {
    about,
    name: "two crossings with one key in one evaluation are one, the first",
    async run({ store }) {
      await due(store);
      const crossings = [crossing({ id: "z" }), crossing({ id: "a", value: 5 })];
      const evaluations = [evaluation({ crossings })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now: start }), ["committed"]);
      assert.deepEqual(await listed(store), [stored(crossings[0]!)]);
    },
  },
  {
    about,
    name: "every part of a crossing's key tells crossings apart",
    async run({ store }) {
      const variants: Partial<NewCrossing>[] = [
        {},
        { milestone: "another" },
        { subject: "globex" },
        { period: "day:UTC:2026-11-05" },
        { threshold: "2000" },
        { limitVersion: 1 },
        { arming: 2 },
        { tenant: "other" },
      ];
      const crossings = variants.map((fields, i) => crossing({ id: `cro-${i}`, ...fields }));
      await crossed(store, crossings);
      assert.deepEqual(
        (await listed(store)).map((each) => each.id),
        crossings.slice(0, 7).map((each) => each.id),
      );
      assert.deepEqual(await listed(store, "other"), [stored(crossings[7]!)]);
    },
  },
  {
    about,
    name: "the same crossing id in two tenants is two crossings",
    async run({ store }) {
      const crossings = [crossing(), crossing({ tenant: "other", value: 5 })];
      await crossed(store, crossings);
      assert.deepEqual(await listed(store), [stored(crossings[0]!)]);
      assert.deepEqual(await listed(store, "other"), [stored(crossings[1]!)]);
      assert.equal(await store.crossings.release(giveBack({ tenant: "other" })), false);
      const leases = await store.crossings.claim({ milestones, limit: 10, lease: minute, now: start });
      assert.deepEqual(leases.map((each) => [each.tenant, each.fence]).sort(), [
        ["default", 1],
        ["other", 1],
      ]);
      assert.ok(await store.crossings.release(giveBack({ tenant: "other", to: "failed", reason: "resolver_failed" })));
      assert.equal((await listed(store))[0]?.state, "leased");
      assert.equal((await listed(store, "other"))[0]?.state, "failed");
    },
  },
  {
    about,
    name: "an evaluation that started from another rev is lost and stores nothing, and so is a repeat",
    async run({ store }) {
      await due(store);
      const late = crossing({ id: "late", threshold: "late" });
      const wrong = [evaluation({ from: 1, upTo: 1, band: restless, state: { wrong: 1 }, crossings: [late] })];
      const before = await dueCounter(store);
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: wrong }), ["lost"]);
      assert.deepEqual(await dueCounter(store), before);
      const right = [evaluation({ crossings: [crossing()] })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: right, now: start }), ["committed"]);
      const repeat = [evaluation({ band: restless, crossings: [crossing(), late] })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: repeat }), ["lost"]);
      assert.deepEqual(await listed(store), [stored(crossing())]);
      await record(store, [event({ id: "evt-2" })]);
      assert.equal((await counter(store))?.due, false, "the lost band was not stored");
    },
  },
  {
    about,
    name: "another generation, an unknown metric and a counter that does not exist are lost",
    async run({ store }) {
      await due(store);
      const before = await dueCounter(store);
      const evaluations = [
        evaluation({ generation: 2, crossings: [crossing({ id: "a" })] }),
        evaluation({ generation: 0, crossings: [crossing({ id: "b" })] }),
        evaluation({ metric: "unknown", crossings: [crossing({ id: "c", metric: "unknown" })] }),
        evaluation({ subject: "nobody", crossings: [crossing({ id: "d", subject: "nobody" })] }),
        evaluation({ tenant: "other", crossings: [crossing({ id: "e", tenant: "other" })] }),
        evaluation({ period: "day", crossings: [crossing({ id: "f", period: "day" })] }),
      ];
      const answers = await store.crossings.commitEvaluation({ evaluations });
      assert.deepEqual(answers, new Array(evaluations.length).fill("lost"));
      assert.deepEqual(await listed(store), []);
      assert.deepEqual(await listed(store, "other"), []);
      assert.deepEqual(await dueCounter(store), before);
      assert.equal(await counter(store, { subject: "nobody" }), undefined);
    },
  },
  {
    about,
    name: "committed and lost ones stand side by side, answered in their order",
    async run({ store }) {
      const subjects = ["s0", "s1", "s2", "s3", "s4"];
      for (const subject of subjects) await due(store, subject, subject);
      const evaluations = subjects.map((subject, i) =>
        evaluation({
          subject,
          from: i % 2,
          upTo: 1,
          crossings: [crossing({ subject, id: `cro-${subject}` })],
        }),
      );
      const shuffled = [3, 0, 4, 1, 2].map((i) => evaluations[i]!);
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: shuffled }), [
        "lost",
        "committed",
        "committed",
        "lost",
        "committed",
      ]);
      assert.deepEqual(
        (await listed(store)).map((each) => each.id),
        ["cro-s0", "cro-s2", "cro-s4"],
      );
      const waiting = await store.counters.due({ metrics: ["email.delivered"], limit: 10, trailLimit: 10 });
      assert.deepEqual(waiting.map((each) => each.subject).sort(), ["s1", "s3"]);
    },
  },
  {
    about,
    name: "committing nothing answers nothing",
    async run({ store }) {
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [] }), []);
    },
  },
  {
    about,
    name: "an evaluation of 1,000 crossings is one step",
    async run({ store }) {
      await due(store);
      const crossings = Array.from({ length: 1000 }, (_, i) =>
        crossing({ id: `cro-${String(i).padStart(4, "0")}`, threshold: String(i), at: i }),
      );
      const input = { evaluations: [evaluation({ crossings })], now: start };
      assert.deepEqual(await store.crossings.commitEvaluation(input), ["committed"]);
      assert.deepEqual(
        await listed(store),
        crossings.map((each) => stored(each)),
      );
    },
  },
  {
    about,
    name: "of evaluators at once on one counter exactly one commits",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 10; round++) {
        const subject = `s-${round}`;
        await due(opened.store, subject, subject);
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) =>
            stores[n % 2]!.crossings.commitEvaluation({
              evaluations: [
                evaluation({
                  ...{ subject, state: { n } },
                  crossings: [crossing({ subject, id: `${round}-${n}`, threshold: String(n) })],
                }),
              ],
            }),
          ),
        );
        const winners = answers.flatMap(([answer], n) => (answer === "committed" ? [n] : []));
        assert.equal(winners.length, 1);
        const found = await opened.store.crossings.list({ tenant: "default", subject, limit: 10 });
        assert.deepEqual(
          found.map((each) => each.id),
          [`${round}-${winners[0]}`],
        );
      }
    },
  },
  {
    about,
    name: "evaluators at once with the same counters in opposite order commit each counter once",
    async run(opened) {
      const stores = await twoStores(opened);
      const subjects = Array.from({ length: 30 }, (_, i) => `s-${i}`);
      for (const subject of subjects) await due(opened.store, subject, subject);
      const evaluations = subjects.map((subject) =>
        evaluation({ subject, crossings: [crossing({ subject, id: subject })] }),
      );
      const orders = [evaluations, [...evaluations].reverse(), evaluations, [...evaluations].reverse()];
      const answers = await Promise.all(
        orders.map((each, i) => stores[i % 2]!.crossings.commitEvaluation({ evaluations: each })),
      );
      assert.equal(answers.flat().filter((answer) => answer === "committed").length, subjects.length);
      assert.equal((await listed(opened.store)).length, subjects.length);
    },
  },
  {
    about,
    name: "an evaluation beside new batches loses no trail, and no batch defeats it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (const band of [restless, quiet]) {
        for (let round = 0; round < 15; round++) {
          const subject = `${band === quiet ? "quiet" : "restless"}-${round}`;
          await due(one, subject, `${subject}-1`);
          const [[answer]] = await Promise.all([
            one.crossings.commitEvaluation({ evaluations: [evaluation({ subject, band })] }),
            record(two, [event({ subject, id: `${subject}-2` })]),
            record(two, [event({ subject, id: `${subject}-3` })]),
          ]);
          assert.equal(answer, "committed");
          const waiting = await dueCounter(one, { subject });
          const revs = waiting?.trail.map((trail) => trail.rev) ?? [];
          assert.deepEqual(await counter(one, { subject }), { value: 3, rev: 3, due: revs.length > 0 });
          if (band === restless) assert.deepEqual(revs, [2, 3]);
          else assert.deepEqual(revs, revs.length === 0 ? [] : [2, 3]);
          if (waiting) assert.equal(waiting.folded, 1);
        }
      }
    },
  },
];

const claimCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a claim leases pending crossings with a new fence and one more attempt",
    async run(opened) {
      const { store } = opened;
      await crossed(store, [crossing()]);
      const leases = await store.crossings.claim({ milestones, limit: 10, lease: minute, now: start });
      const leasedRow = stored(crossing(), { attempts: 1, state: "leased" });
      assert.deepEqual(leases, [{ ...leasedRow, fence: 1 }]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [leasedRow]);
      assert.deepEqual(await claim(other), []);
    },
  },
  {
    about,
    name: "a claim takes the oldest first, at most limit",
    async run({ store }) {
      const ids = ["d", "c", "b", "a"];
      for (const [i, id] of ids.entries()) await crossed(store, [crossing({ id, threshold: id })], at(i * 10));
      assert.deepEqual(await claim(store, at(100), 3), ["d", "c", "b"]);
      assert.deepEqual(await claim(store, at(100), 3), ["a"]);
      assert.deepEqual(await claim(store, at(100), 3), []);
    },
  },
  {
    about,
    name: "a claim keeps to the milestones it is given",
    async run({ store }) {
      const names = ["a", "b", "c"];
      await crossed(
        store,
        names.map((milestone) => crossing({ id: milestone, milestone })),
      );
      const take = async (wanted: readonly string[]) =>
        (await store.crossings.claim({ milestones: wanted, limit: 10, lease: minute, now: start })).map((c) => c.id);
      assert.deepEqual(await take([]), []);
      assert.deepEqual(await take(["nothing"]), []);
      assert.deepEqual((await take(["a", "c"])).sort(), ["a", "c"]);
      assert.deepEqual(await take(names), ["b"]);
    },
  },
  {
    about,
    name: "a crossing is not claimed before its time",
    async run({ store }) {
      await crossed(store, [crossing()], at(1000));
      assert.deepEqual(await claim(store, at(999)), []);
      assert.deepEqual(await claim(store, at(1000)), ["cro-1"]);
    },
  },
  {
    about,
    name: "a lease that is over may be claimed anew, with a higher fence, and not before",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      assert.deepEqual(await claim(store, at(minute - 1)), []);
      const [again] = await store.crossings.claim({ milestones, limit: 10, lease: minute, now: at(minute) });
      assert.deepEqual([again?.fence, again?.attempts, again?.state], [2, 2, "leased"]);
      assert.deepEqual(await claim(store, at(2 * minute - 1)), []);
      assert.deepEqual(await store.crossings.announce(announcement({ fence: 1, now: at(minute) })), {
        result: "lost",
        notifications: 0,
      });
      assert.equal(await store.crossings.release(giveBack({ fence: 1, now: at(minute) })), false);
      assert.deepEqual((await listed(store))[0]?.state, "leased");
      assert.equal(await store.crossings.release(giveBack({ fence: 2, now: at(minute) })), true);
    },
  },
  {
    about,
    name: "callers at once never get the same crossing",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 5; round++) {
        const milestone = `round-${round}`;
        const crossings = Array.from({ length: 40 }, (_, i) =>
          crossing({ id: `${milestone}-${i}`, milestone, threshold: String(i), subject: milestone }),
        );
        await due(opened.store, milestone, milestone);
        const evaluations = [evaluation({ subject: milestone, crossings })];
        await opened.store.crossings.commitEvaluation({ evaluations, now: start });
        const take = { milestones: [milestone], limit: 30, lease: minute, now: start };
        const got = await Promise.all(Array.from({ length: 8 }, (_, i) => stores[i % 2]!.crossings.claim(take)));
        const ids = [...got.flat(), ...(await opened.store.crossings.claim({ ...take, limit: 100 }))].map(
          (each) => each.id,
        );
        assert.equal(new Set(ids).size, ids.length, "nobody got one twice");
        assert.deepEqual(ids.sort(), crossings.map((each) => each.id).sort());
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides creation, claim and lease",
    async run({ store }) {
      await due(store);
      await assertOwnClock(async () => {
        await store.crossings.commitEvaluation({ evaluations: [evaluation({ crossings: [crossing()] })] });
        return (await listed(store))[0]!.createdAt;
      });
      const input = { milestones, limit: 1, lease: minute };
      assert.equal((await store.crossings.claim(input)).length, 1);
      assert.equal((await store.crossings.claim(input)).length, 0);
      const release = giveBack({ retryIn: minute });
      const { now: _, ...byOwnClock } = release;
      assert.equal(await store.crossings.release(byOwnClock), true);
      assert.equal((await store.crossings.claim(input)).length, 0);
    },
  },
];

const announceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an announcement stores its notifications as pending, with every field, and ends with announced",
    async run(opened) {
      const { store } = opened;
      await crossed(store, [crossing()]);
      await claim(store);
      const given = notification({
        itemKey: "invoice-7",
        mode: "idempotent",
        keyLifetime: max,
        data: awkwardJson,
        maxAttempts: 9,
        notBefore: at(1),
        expiresAt: at(999 * minute + 1),
        channel: "host's own",
        recipient: {
          ...{ address: " Ada@Bücher.example ", name: 'A "d" a', firstName: "A", lastName: "é\u{1f389}" },
          role: "owner",
          locale: "de-AT",
          zone: "Europe/Vienna",
        },
      });
      const plain = notification({ id: "ntf-2", data: {}, recipient: { address: "b@example.com" } });
      const input = announcement({ notifications: [given, plain], now: at(3) });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 2 });
      const [, other] = await twoStores(opened);
      const fresh = {
        state: "pending",
        reason: null,
        detail: null,
        createdAt: at(3),
        redrive: 0,
        redriveOf: null,
        attempts: 0,
        claims: 0,
        fence: 0,
        leaseUntil: null,
        horizonAt: null,
        firstMarkedAt: null,
        keyUntil: null,
        messageId: null,
        idempotencyKey: null,
        payloadHash: null,
        payload: null,
        receipt: null,
        wasAmbiguous: false,
        cancelRequested: false,
        settledAt: null,
      };
      assert.deepEqual(await other.notifications.list({ tenant: "default", limit: 10 }), [
        { ...given, ...fresh },
        { ...plain, ...fresh, notBefore: at(3) },
      ]);
      assert.deepEqual(await listed(other), [
        stored(crossing(), { state: "announced", notifications: 2, attempts: 1 }),
      ]);
      assert.deepEqual(await other.lanes.list({ tenant: "default" }), [
        { tenant: "default", notifier: "smtp", paused: false, notBefore: null },
      ]);
      assert.deepEqual((await claimed(other, at(3)))[0]?.content, template);
    },
  },
  {
    about,
    name: "a last announcement that found nobody leaves the crossing unaddressed, with its reason",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = announcement({ templates: {} });
      assert.deepEqual(await store.crossings.announce(input), { result: "unaddressed", notifications: 0 });
      const end = { state: "unaddressed", reason: "unaddressed", attempts: 1 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), end)]);
      assert.deepEqual(await claim(store, at(1000 * minute)), []);
    },
  },
  {
    about,
    name: "a repeat of the last announcement is lost and stores nothing",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = announcement({ notifications: [notification()] });
      await store.crossings.announce(input);
      const more = announcement({
        notifications: [notification(), notification({ id: "ntf-2", notifier: "sms", template: "tpl-2" })],
        templates: { "tpl-2": template },
      });
      for (const repeat of [input, more]) {
        assert.deepEqual(await store.crossings.announce(repeat), { result: "lost", notifications: 0 });
      }
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 1);
      assert.equal((await store.lanes.list({ tenant: "default" })).length, 1);
      assert.equal((await listed(store))[0]?.notifications, 1);
    },
  },
  {
    about,
    name: "an announcement under another fence, of a pending or an unknown crossing stores nothing",
    async run({ store }) {
      await crossed(store, [crossing()]);
      const lost = { result: "lost", notifications: 0 };
      const input = announcement({ notifications: [notification()] });
      assert.deepEqual(await store.crossings.announce({ ...input, fence: 0 }), lost);
      await claim(store);
      for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
        for (const last of [true, false]) {
          assert.deepEqual(await store.crossings.announce({ ...input, ...wrong, last }), lost);
        }
      }
      assert.deepEqual(await store.notifications.list({ tenant: "default", limit: 10 }), []);
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), []);
      assert.deepEqual(await listed(store), [stored(crossing(), { state: "leased", attempts: 1 })]);
    },
  },
  {
    about,
    name: "chunks that are not the last continue the lease and count what is stored so far",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const all = notifications(3);
      const chunk = announcement({ notifications: all.slice(0, 2), last: false, now: at(minute / 2) });
      assert.deepEqual(await store.crossings.announce(chunk), { result: "continued", notifications: 2 });
      const so = { state: "leased", attempts: 1, notifications: 2 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), so)]);
      assert.deepEqual(await claim(store, at(minute)), [], "the lease was prolonged");
      assert.deepEqual(await store.crossings.announce(chunk), { result: "continued", notifications: 2 });
      assert.deepEqual(await listed(store), [stored(crossing(), so)]);
      const last = announcement({ notifications: all.slice(2) });
      assert.deepEqual(await store.crossings.announce(last), { result: "announced", notifications: 3 });
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 3);
    },
  },
  {
    about,
    name: "a continued lease ends one lease after the chunk",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.announce(announcement({ last: false, now: at(1000), lease: 5000 }));
      assert.deepEqual(await claim(store, at(5999)), []);
      assert.deepEqual(await claim(store, at(6000)), ["cro-1"]);
    },
  },
  {
    about,
    name: "a crossing that was claimed anew keeps the notifications of its earlier chunks and counts them",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const all = notifications(3);
      await store.crossings.announce(announcement({ notifications: all.slice(0, 2), last: false }));
      await claim(store, at(minute));
      const renamed = all.map((each) => ({ ...each, id: `again-${each.id}`, data: { changed: true } }));
      const input = announcement({ fence: 2, notifications: renamed, now: at(minute) });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 3 });
      const rows = await store.notifications.list({ tenant: "default", limit: 10 });
      assert.deepEqual(
        rows.map((each) => [each.id, each.data]),
        [
          ["again-ntf-0003", { changed: true }],
          ["ntf-0001", { name: "Ada" }],
          ["ntf-0002", { name: "Ada" }],
        ],
      );
      assert.deepEqual(rows[1]!.createdAt, start);
    },
  },
  {
    about,
    name: "a last announcement without any counts the notifications of the chunks before it",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.announce(announcement({ notifications: notifications(2), last: false }));
      assert.deepEqual(await store.crossings.announce(announcement({ templates: {} })), {
        result: "announced",
        notifications: 2,
      });
    },
  },
  {
    about,
    name: "one recipient of one channel and item is told once, the first time",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const recipientKey = "ada@example.com";
      const given = [
        notification({ id: "n1", recipientKey }),
        notification({ id: "n2", recipientKey, data: { second: true } }),
        notification({ id: "n3", recipientKey, itemKey: "invoice-1" }),
        notification({ id: "n4", recipientKey, channel: "sms" }),
        notification({ id: "n5", recipientKey, notifier: "another" }),
        notification({ id: "n6", recipientKey: "ADA@example.com" }),
      ];
      const input = announcement({ notifications: given });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 4 });
      const rows = await store.notifications.list({ tenant: "default", limit: 10 });
      assert.deepEqual(
        rows.map((each) => each.id),
        ["n1", "n3", "n4", "n6"],
      );
      assert.deepEqual(rows[0]?.data, { name: "Ada" });
    },
  },
  {
    about,
    name: "the same recipient of two crossings, and of two tenants, is told of each",
    async run({ store }) {
      const recipientKey = "ada@example.com";
      const source = { kind: "crossing", id: "cro-2" } as const;
      await queued(store, [
        notification({ id: "n1", recipientKey }),
        notification({ id: "n2", recipientKey, source }),
        notification({ id: "n1", recipientKey, tenant: "other", data: { tenant: "other" } }),
      ]);
      const ids = async (tenant: string) =>
        (await store.notifications.list({ tenant, limit: 10 })).map((each) => each.id);
      assert.deepEqual(await ids("default"), ["n1", "n2"]);
      assert.deepEqual(await ids("other"), ["n1"]);
      assert.deepEqual((await row(store, "n1", "other")).data, { tenant: "other" });
      assert.deepEqual(
        (await listed(store)).map((each) => each.notifications),
        [1, 1],
      );
    },
  },
  {
    about,
    name: "what a person redrove is not counted among the crossing's notifications",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.announce(announcement({ notifications: [notification()], last: false }));
      const [lease] = await claimed(store);
      await store.notifications.mark({ marks: [mark(lease!)], lease: minute, now: start });
      await store.notifications.settle({ settlements: [settlement(lease!, refused)], now: start });
      await store.notifications.decide({
        tenant: "default",
        id: "ntf-1",
        act: "redrive",
        by: "ada",
        why: "asked",
        newId: "ntf-2",
        acceptDuplicate: false,
        margin: 0,
        now: start,
      });
      const input = announcement({ notifications: [notification()] });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 1 });
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 2);
    },
  },
  {
    about,
    name: "templates and lanes that are missing are added, and those that exist are left as they are",
    async run({ store }) {
      const pause = {
        tenant: "default",
        notifier: "smtp",
        paused: true,
        by: "ada",
        why: "outage",
        now: start,
      };
      await store.lanes.setPaused(pause);
      await crossed(store, [crossing()]);
      await claim(store);
      const templates = {
        "tpl-1": { text: "only text" },
        "tpl-2": { html: "<p>é\u{1f389}'\"\\</p>", subject: "" },
      };
      const given = ["smtp", "sms", "push"].map((notifier) =>
        notification({ id: notifier, notifier, template: notifier === "push" ? "tpl-2" : "tpl-1" }),
      );
      await store.crossings.announce(announcement({ notifications: given, templates, last: false }));
      const other = { "tpl-1": { text: "other words under one hash" } };
      await store.crossings.announce(announcement({ templates: other }));
      const lane = { tenant: "default", paused: false, notBefore: null };
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), [
        { ...lane, notifier: "push" },
        { ...lane, notifier: "sms" },
        { ...lane, notifier: "smtp", paused: true },
      ]);
      assert.deepEqual((await claimed(store, start, "sms"))[0]?.content, templates["tpl-1"]);
      assert.deepEqual((await claimed(store, start, "push"))[0]?.content, templates["tpl-2"]);
    },
  },
  {
    about,
    name: "a template's hash belongs to its tenant",
    async run({ store }) {
      for (const tenant of ["default", "other"]) {
        await crossed(store, [crossing({ tenant })]);
        await claim(store);
        const templates = { "tpl-1": { text: `for ${tenant}` } };
        await store.crossings.announce(announcement({ tenant, notifications: [notification({ tenant })], templates }));
      }
      const rows = await claimed(store);
      assert.deepEqual(rows.map((each) => [each.tenant, each.content.text]).sort(), [
        ["default", "for default"],
        ["other", "for other"],
      ]);
    },
  },
  {
    about,
    name: "an announcement of 2,000 notifications is one step",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = announcement({ notifications: notifications(2000) });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 2000 });
      const rows = await store.notifications.list({ tenant: "default", limit: 10_000 });
      assert.deepEqual(
        rows.map((each) => each.id),
        input.notifications.map((each) => each.id),
      );
    },
  },
  {
    about,
    name: "of announcements at once under one fence one ends it, and no recipient is stored twice",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 8; round++) {
        const id = `cro-${round}`;
        await crossed(opened.store, [crossing({ id, threshold: id })]);
        await claim(opened.store);
        const source = { kind: "crossing", id } as const;
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) => {
            const given = notifications(20, { source }).map((each) => ({ ...each, id: `${id}-${n}-${each.id}` }));
            return stores[n % 2]!.crossings.announce(announcement({ id, notifications: given }));
          }),
        );
        assert.deepEqual(answers.map((answer) => answer.result).sort(), ["announced", "lost", "lost", "lost"]);
        const rows = await opened.store.notifications.list({ tenant: "default", source, limit: 100 });
        assert.equal(rows.length, 20);
      }
    },
  },
];

const releaseCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a released crossing waits for its retry, keeps the detail and no reason",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = giveBack({
        retryIn: 500,
        reason: "resolver_failed",
        detail: "é: timeout",
        now: at(1000),
      });
      assert.equal(await store.crossings.release(input), true);
      assert.deepEqual(await listed(store), [stored(crossing(), { attempts: 1, detail: "é: timeout" })]);
      assert.equal(await store.crossings.release(input), false, "a repeat does nothing");
      assert.deepEqual(await claim(store, at(1499)), []);
      const [again] = await store.crossings.claim({ milestones, limit: 1, lease: minute, now: at(1500) });
      assert.deepEqual([again?.fence, again?.attempts], [2, 2]);
    },
  },
  {
    about,
    name: "a refund takes back the claim's attempt, not its fence",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      assert.equal(await store.crossings.release(giveBack({ refund: true })), true);
      assert.deepEqual(await listed(store), [stored(crossing())]);
      const [again] = await store.crossings.claim({ milestones, limit: 1, lease: minute, now: start });
      assert.deepEqual([again?.fence, again?.attempts], [2, 1]);
    },
  },
  {
    about,
    name: "a crossing that is given up is failed for good, with reason and detail",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = giveBack({ to: "failed", reason: "resolver_failed", detail: "gone" });
      assert.equal(await store.crossings.release(input), true);
      const end = { state: "failed", reason: "resolver_failed", detail: "gone", attempts: 1 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), end)]);
      assert.deepEqual(await claim(store, at(1000 * minute)), []);
      assert.equal(await store.crossings.release(giveBack()), false);
    },
  },
  {
    about,
    name: "an announcement clears the detail of an earlier failure",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.release(giveBack({ detail: "timeout" }));
      await claim(store);
      await store.crossings.announce(announcement({ fence: 2, notifications: [notification()] }));
      const end = { state: "announced", attempts: 2, notifications: 1 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), end)]);
    },
  },
  {
    about,
    name: "only the holder of the lease can release: another fence, id or tenant changes nothing",
    async run({ store }) {
      await crossed(store, [crossing()]);
      assert.equal(await store.crossings.release(giveBack({ fence: 0 })), false);
      await claim(store);
      for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
        assert.equal(await store.crossings.release(giveBack({ ...wrong, to: "failed", reason: "silent" })), false);
      }
      assert.deepEqual(await listed(store), [stored(crossing(), { state: "leased", attempts: 1 })]);
    },
  },
  {
    about,
    name: "of releases at once under one fence one does it",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 8; round++) {
        const id = `cro-${round}`;
        await crossed(opened.store, [crossing({ id, threshold: id })]);
        await claim(opened.store);
        const back = giveBack({ id, refund: true, retryIn: minute });
        const answers = await Promise.all([0, 1, 2, 3].map((n) => stores[n % 2]!.crossings.release(back)));
        assert.deepEqual(answers.sort(), [false, false, false, true]);
        const found = (await listed(opened.store)).find((each) => each.id === id);
        assert.equal(found?.attempts, 0);
      }
    },
  },
];

const listCases: readonly ConformanceCase[] = [
  {
    about,
    name: "crossings are listed bytewise by id, page by page, under any key",
    async run(opened) {
      const crossings = awkwardKeys.map((key) =>
        crossing({ id: key, subject: key, period: key, milestone: key, threshold: key, eventId: key }),
      );
      await crossed(opened.store, crossings);
      const [, other] = await twoStores(opened);
      const paged: Crossing[] = [];
      for (;;) {
        const after = paged.at(-1)?.id;
        const page = await other.crossings.list({
          tenant: "default",
          limit: 5,
          ...(after !== undefined && { after }),
        });
        assert.ok(page.length <= 5);
        if (page.length === 0) break;
        paged.push(...page);
      }
      const byId = new Map(crossings.map((each) => [each.id, stored(each)]));
      assert.deepEqual(
        paged,
        bytewise(awkwardKeys).map((id) => byId.get(id)),
      );
      for (const key of awkwardKeys) {
        const filter = { subject: key, milestone: key, eventIds: [key] };
        const found = await other.crossings.list({ tenant: "default", ...filter, limit: 10 });
        assert.deepEqual(
          found.map((each) => each.id),
          [key],
        );
      }
    },
  },
  {
    about,
    name: "a list keeps to every filter it is given",
    async run({ store }) {
      await crossed(store, [
        crossing({ id: "1", eventId: "e1" }),
        crossing({ id: "2", eventId: "e2", threshold: "2000", state: "silent" }),
        crossing({ id: "3", eventId: "e3", subject: "globex" }),
        crossing({ id: "4", eventId: "e1", metric: "ad.spend", milestone: "budget" }),
        crossing({ id: "5", eventId: "e1", tenant: "other" }),
      ]);
      type Filter = Omit<Parameters<CrossingRepository["list"]>[0], "tenant" | "limit">;
      const ids = async (filter: Filter) =>
        (await store.crossings.list({ tenant: "default", limit: 10, ...filter })).map((each) => each.id).join("");
      assert.equal(await ids({}), "1234");
      assert.equal(await ids({ subject: "acme" }), "124");
      assert.equal(await ids({ milestone: "budget" }), "4");
      assert.equal(await ids({ metric: "email.delivered" }), "123");
      assert.equal(await ids({ eventIds: ["e1", "e3", "nothing"] }), "134");
      assert.equal(await ids({ eventIds: [] }), "");
      assert.equal(await ids({ states: ["silent", "announced"] }), "2");
      assert.equal(await ids({ states: [] }), "");
      assert.equal(await ids({ subject: "acme", metric: "email.delivered", states: ["pending"] }), "1");
      assert.equal(await ids({ after: "2" }), "34");
      assert.equal(await ids({ after: "1", eventIds: ["e1"], subject: "acme" }), "4");
      assert.deepEqual(await store.crossings.list({ tenant: "nobody", limit: 10 }), []);
      const eventIds = Array.from({ length: 2000 }, (_, i) => `e${i}`);
      assert.equal(await ids({ eventIds }), "1234");
    },
  },
  {
    about,
    name: "crossings, leases and fences are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await crossed(opened.store, [crossing(), crossing({ id: "cro-2", threshold: "2" })]);
      await claim(opened.store, start, 1);
      const before = await listed(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await listed(again), before);
      assert.equal((await claim(again)).length, 1);
      const [leased] = before.filter((each) => each.state === "leased");
      assert.equal(await again.crossings.release(giveBack({ id: leased!.id })), true);
    },
  },
];

export const crossingCases: readonly ConformanceCase[] = [
  ...commitCases,
  ...claimCases,
  ...announceCases,
  ...releaseCases,
  ...listCases,
];
