import assert from "node:assert/strict";
import type { CrossingBirth, NewCrossing } from "../milestone/crossing.js";
import type { ConformanceCase } from "./case.js";
import { birth, counter, counterKey, dueCounter, event, quiet, record, restless } from "./counter-samples.js";
import {
  about,
  claim,
  crossed,
  crossing,
  due,
  evaluation,
  giveBack,
  listed,
  milestones,
  stored,
} from "./crossing-samples.js";
import { at, awkwardJson, max, minute, start, twoStores } from "./samples.js";

export const crossingCommitCases: readonly ConformanceCase[] = [
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
        code: "budget ½",
        severity: "critical",
        limitAmount: Number.MAX_SAFE_INTEGER,
        skipped: 2 ** 40,
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
        ...counterKey(),
        folded: 2,
        generation: 1,
        state: { m: "two" },
        trail: before.slice(2),
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
        ...counterKey(),
        folded: 1,
        generation: 1,
        state: {},
        trail: [
          { rev: 4, generation: 1, from: 3, ids: ["out"], limitVersion: null, amounts: [5], occurredAts: [start] },
        ],
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
      const failed = giveBack({ tenant: "other", to: "failed", reason: "resolver_failed" });
      assert.equal(await store.crossings.release(failed), true);
      assert.equal((await listed(store))[0]?.state, "leased");
      assert.equal((await listed(store, "other"))[0]?.state, "failed");
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
];
