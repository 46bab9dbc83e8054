import assert from "node:assert/strict";
import type { CounterEvaluation, EvaluationResult } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  birth,
  counter,
  counterKey,
  definition,
  dueCounter,
  event,
  record,
  restless,
  rules,
} from "./counter-samples.js";
import { about, claim, crossed, crossing, due, evaluation, listed, milestones, stored } from "./crossing-samples.js";
import { at, awkwardJson, hour, minute, start, twoStores } from "./samples.js";

const metric = "email.delivered";
const second = rules(metric, { generation: 2, bandsSince: 2 });

/** Counters in their band that have met the first generation, at rev 1, of a metric that is at the second. */
async function running(store: Store, ...subjects: readonly string[]): Promise<void> {
  const batch = (subjects.length > 0 ? subjects : ["acme"]).map((subject) =>
    event({ subject, id: subject, amount: 50 }),
  );
  await record(store, batch);
  await store.definitions.install({ definitions: [definition({ generation: 2 })] });
}

/** What an idle counter of value 50 has behind it, and how it meets the second generation. */
function adoption(fields: Partial<CounterEvaluation> = {}): CounterEvaluation {
  return evaluation({
    generation: 2,
    reached: 2,
    rev: 1,
    band: { below: null, above: 100 },
    state: { "emails-delivered": { high: 50 } },
    crossings: [behind()],
    ...fields,
  });
}

function behind(fields: Parameters<typeof crossing>[0] = {}) {
  return crossing({ threshold: "10", at: 10, previous: 50, value: 50, eventId: "", state: "adopted", ...fields });
}

async function commit(
  store: Store,
  ...evaluations: readonly CounterEvaluation[]
): Promise<readonly EvaluationResult[]> {
  return store.crossings.commitEvaluation({ evaluations, now: start });
}

async function idle(store: Store) {
  return (await store.counters.idle({ metric, generation: 1_000, limit: 10 })).counters;
}

/** A counter in its quiet band meets what was installed while it ran. */
export const crossingCommitIdleCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an idle counter takes band, state and generation from its evaluation, keeps its value and stays quiet",
    async run(opened) {
      const { store } = opened;
      await running(store);
      const state = { "emails-delivered": awkwardJson };
      assert.deepEqual(await commit(store, adoption({ state })), ["committed"]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await idle(other), [{ ...counterKey(), value: 50, rev: 1, folded: 1, generation: 2, state }]);
      assert.deepEqual(await counter(other), { value: 50, rev: 1, due: false });
      assert.equal(await dueCounter(other), undefined);
      await other.counters.add({ events: [event({ id: "in", amount: 49 })], rules: second });
      assert.deepEqual(await counter(other), { value: 99, rev: 2, due: false });
      await other.counters.add({ events: [event({ id: "out", amount: 1 })], rules: second });
      const trail = [
        { rev: 3, generation: 2, from: 99, ids: ["out"], limitVersion: null, amounts: [1], occurredAts: [start] },
      ];
      assert.deepEqual(await dueCounter(other), { ...counterKey(), folded: 1, generation: 2, state, trail });
    },
  },
  {
    about,
    name: "an idle counter that was counted on meanwhile, in its band or out of it, is lost and stores nothing",
    async run({ store }) {
      await running(store, "quiet", "due");
      const more = (subject: string, bandsSince: number) =>
        store.counters.add({
          events: [event({ subject, id: `more ${subject}` })],
          rules: rules(metric, { generation: 2, bandsSince }),
        });
      await more("quiet", 1);
      await more("due", 2);
      const before = [await idle(store), await dueCounter(store, { subject: "due" })];
      for (const subject of ["quiet", "due"]) {
        for (const rev of [0, 1, 3]) {
          const crossings = [behind({ subject, id: `${subject} ${rev}` })];
          assert.deepEqual(await commit(store, adoption({ subject, rev, crossings })), ["lost"]);
        }
      }
      assert.deepEqual(await listed(store), []);
      assert.deepEqual([await idle(store), await dueCounter(store, { subject: "due" })], before);
      const quiet = adoption({ subject: "quiet", rev: 2, upTo: 2, crossings: [behind({ subject: "quiet" })] });
      assert.deepEqual(await commit(store, quiet), ["committed"]);
      assert.deepEqual(await counter(store, { subject: "quiet" }), { value: 51, rev: 2, due: false });
    },
  },
  {
    about,
    name: "a repeat for an idle counter is lost, also where nothing was counted since its last evaluation",
    async run({ store }) {
      await due(store);
      await commit(store, evaluation());
      await running(store, "globex");
      const evaluations = [
        adoption({ from: 1, upTo: 1 }),
        adoption({ subject: "globex", crossings: [behind({ subject: "globex", id: "cro-2" })] }),
      ];
      assert.deepEqual(await commit(store, ...evaluations), ["committed", "committed"]);
      const before = [await idle(store), await listed(store)];
      const other = { band: restless, state: { other: 1 } };
      for (const repeat of [evaluations[0]!, { ...evaluations[0]!, ...other, crossings: [behind({ id: "late" })] }]) {
        assert.deepEqual(await commit(store, repeat, { ...evaluations[1]!, ...other }), ["lost", "lost"]);
        assert.deepEqual([await idle(store), await listed(store)], before);
      }
    },
  },
  {
    about,
    name: "of evaluators at once of one idle counter one commits",
    async run(opened) {
      const stores = await twoStores(opened);
      const subjects = Array.from({ length: 8 }, (_, i) => `s-${i}`);
      await running(opened.store, ...subjects);
      for (const [round, subject] of subjects.entries()) {
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) => {
            const crossings = [behind({ subject, id: `${round}-${n}` })];
            return commit(stores[n % 2]!, adoption({ subject, state: { by: n }, crossings }));
          }),
        );
        const winner = answers.findIndex(([answer]) => answer === "committed");
        assert.deepEqual(answers.flat().sort(), ["committed", "lost", "lost", "lost"]);
        const found = (await stores[1].crossings.list({ tenant: "default", subject, limit: 10 })).map(({ id }) => id);
        assert.deepEqual(found, [`${round}-${winner}`]);
      }
    },
  },
  {
    about,
    name: "beside an event an idle counter meets what came since either before it or, due, with it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const subjects = Array.from({ length: 20 }, (_, i) => `s-${i}`);
      await running(one, ...subjects);
      for (const subject of subjects) {
        const crossings = [behind({ subject, id: subject })];
        const [[answer]] = await Promise.all([
          commit(one, adoption({ subject, crossings })),
          two.counters.add({ events: [event({ subject, id: `beside ${subject}`, amount: 1 })], rules: second }),
        ]);
        const lost = answer === "lost";
        assert.deepEqual(await counter(one, { subject }), { value: 51, rev: 2, due: lost });
        const waiting = await dueCounter(two, { subject });
        const expected = lost ? { generation: 1, folded: 0, from: [50] } : undefined;
        assert.deepEqual(
          waiting && {
            generation: waiting.generation,
            folded: waiting.folded,
            from: waiting.trail.map((each) => each.from),
          },
          expected,
        );
        const found = await two.crossings.list({ tenant: "default", subject, limit: 10 });
        assert.equal(found.length, lost ? 0 : 1);
      }
    },
  },
  {
    about,
    name: "levels that a counter had behind it are stored as adopted, without an event, and are never claimed",
    async run(opened) {
      const { store } = opened;
      await running(store);
      const crossings = ["10", "20", "30"].map((threshold, i) =>
        behind({ id: `cro-${i}`, threshold, at: Number(threshold), reachedAt: at(i) }),
      );
      assert.deepEqual(await commit(store, adoption({ crossings })), ["committed"]);
      const [, other] = await twoStores(opened);
      const adopted = crossings.map((each) => stored(each, { state: "adopted", reason: "adopted" }));
      assert.deepEqual(await listed(other), adopted);
      assert.deepEqual(await other.crossings.list({ tenant: "default", eventIds: [""], limit: 10 }), adopted);
      assert.deepEqual(await other.crossings.list({ tenant: "default", states: ["adopted"], limit: 10 }), adopted);
      for (const now of [start, at(minute), at(1000 * hour)]) assert.deepEqual(await claim(other, now), []);
      assert.deepEqual(await other.crossings.claim({ milestones, limit: 10, lease: minute }), []);
    },
  },
  {
    about,
    name: "a level that was crossed before keeps its crossing when it is adopted, and is announced as it was",
    async run({ store }) {
      const first = crossing({ threshold: "10", at: 10 });
      await crossed(store, [first]);
      await store.definitions.install({ definitions: [definition({ generation: 2 })] });
      const fresh = behind({ id: "cro-fresh", threshold: "20", at: 20 });
      const again = adoption({ from: 1, upTo: 1, crossings: [behind({ id: "cro-again" }), fresh] });
      assert.deepEqual(await commit(store, again), ["committed"]);
      assert.deepEqual(await listed(store), [stored(first), stored(fresh)]);
      assert.deepEqual(await claim(store), ["cro-1"]);
    },
  },
  {
    about,
    name: "an idle counter and a due one are committed side by side, each whole or not at all",
    async run({ store }) {
      await running(store);
      const fields = { subject: "waits", generation: 2, reached: 2 };
      const feeds = [birth({ due: true })];
      await store.counters.add({ events: [event({ subject: "waits", id: "w", feeds })], rules: second });
      const evaluations = [
        adoption({ rev: 2 }),
        evaluation({ ...fields, crossings: [crossing({ subject: "waits", id: "cro-w" })] }),
        adoption(),
        evaluation(fields),
      ];
      assert.deepEqual(await commit(store, ...evaluations), ["lost", "committed", "committed", "lost"]);
      assert.deepEqual(
        (await listed(store)).map((each) => [each.id, each.state]),
        [
          ["cro-1", "adopted"],
          ["cro-w", "pending"],
        ],
      );
    },
  },
];
