import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { counter, dueCounter, event, quiet, record, restless } from "./counter-samples.js";
import { about, crossing, due, evaluation, listed, stored } from "./crossing-samples.js";
import { start, twoStores } from "./samples.js";

/** Evaluations of a counter that moved on, or beside others at once. */
export const crossingCommitLostCases: readonly ConformanceCase[] = [
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
                  subject,
                  state: { n },
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
