import assert from "node:assert/strict";
import type { NewCrossing } from "../milestone/crossing.js";
import { sql } from "../milestone/sql.js";
import type { CounterEvaluation, Effect, EvaluationResult } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { counter, dueCounter, quiet, record, restless, event as sampleEvent } from "./counter-samples.js";
import { about, crossed, crossing, due, evaluation, listed, stored } from "./crossing-samples.js";
import { broken, hostOf, lines, log } from "./host-log.js";
import { assertRefused, max, start, twoStores } from "./samples.js";

// Statements of the host that run with an evaluation: each leaves a line in a table of the host's.

async function commit(
  store: Store,
  ...evaluations: readonly CounterEvaluation[]
): Promise<readonly EvaluationResult[]> {
  return store.crossings.commitEvaluation({ evaluations, now: start });
}

/** The evaluation of a counter's first event, with a crossing of its own and these effects. */
function evaluated(subject: string, effects: readonly Effect[], fields: Partial<NewCrossing> = {}): CounterEvaluation {
  return evaluation({ subject, effects, crossings: [crossing({ id: subject, subject, ...fields })] });
}

const ids = (rows: readonly { readonly id: string }[]): readonly string[] => rows.map(({ id }) => id);

/** Which place failed, and that it says why. */
function failedAt(result: EvaluationResult | undefined): number {
  assert.ok(typeof result === "object", `${result} is no failure`);
  assert.ok(result.error instanceof Error, "as the driver threw it");
  return result.failed;
}

export const crossingCommitEffectsCases: readonly ConformanceCase[] = [
  {
    about,
    name: "supports.effect says whether statements of the host run; where not, they are refused and nothing is stored",
    async run(opened) {
      const { store } = opened;
      const { host } = opened;
      if (store.supports.effect) await hostOf(opened);
      await due(store, "acme");
      await due(store, "brand", "evt-2");
      const effects = [{ crossing: "acme", statement: log("acme") }];
      const step = commit(store, evaluation({ subject: "brand" }), evaluated("acme", effects));
      if (store.supports.effect) {
        assert.deepEqual(await step, ["committed", "committed"]);
        assert.deepEqual(await lines(host!), ["acme"]);
        return;
      }
      await assertRefused(step, "unsupported");
      assert.equal((await counter(store))?.due, true);
      assert.equal((await counter(store, { subject: "brand" }))?.due, true);
      assert.deepEqual(await commit(store, evaluated("acme", [])), ["committed"]);
    },
  },
  {
    about,
    name: "an effect runs with its crossing",
    requires: "effect",
    async run(opened) {
      const { store } = opened;
      const host = await hostOf(opened);
      await due(store);
      const effects = [{ crossing: "acme", statement: log("offline") }];
      assert.deepEqual(await commit(store, evaluated("acme", effects)), ["committed"]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [stored(crossing({ id: "acme" }))]);
      assert.deepEqual(await lines(host), ["offline"]);
      assert.deepEqual(await counter(other), { value: 1, rev: 1, due: false });
    },
  },
  {
    about,
    name: "effects run in their order, whichever crossings they belong to",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      await due(opened.store);
      const crossings = ["b", "a", "c"].map((id) => crossing({ id, threshold: id }));
      const order = ["c", "a", null, "b", "a", "c", null];
      const effects = order.map((each, i) => ({ crossing: each, statement: log(`${each}-${i}`) }));
      assert.deepEqual(await commit(opened.store, evaluation({ crossings, effects })), ["committed"]);
      assert.deepEqual(
        await lines(host),
        order.map((each, i) => `${each}-${i}`),
      );
    },
  },
  {
    about,
    name: "an effect sees what those before it did",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      await due(opened.store);
      const effects = [
        log("first"),
        sql`UPDATE host_log SET line = line || ${"+"}`,
        sql`INSERT INTO host_log (number, line) SELECT ${2}, line || ${"+"} FROM host_log`,
      ].map((statement) => ({ crossing: null, statement }));
      assert.deepEqual(await commit(opened.store, evaluation({ effects })), ["committed"]);
      assert.deepEqual(await lines(host), ["first+", "first++"]);
    },
  },
  {
    about,
    name: "an effect of no crossing runs in any case",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      await due(opened.store);
      const effects = [{ crossing: null, statement: log("the month is over") }];
      assert.deepEqual(await commit(opened.store, evaluation({ effects })), ["committed"]);
      assert.deepEqual(await lines(host), ["the month is over"]);
    },
  },
  {
    about,
    name: "a crossing that exists already runs none, and those beside it run theirs",
    requires: "effect",
    async run(opened) {
      const { store } = opened;
      const host = await hostOf(opened);
      await crossed(store, [crossing({ id: "old" })]);
      await record(store, [sampleEvent({ id: "evt-2" })]);
      const effects = ["again", "new", null].map((each) => ({ crossing: each, statement: log(String(each)) }));
      const crossings = [crossing({ id: "again" }), crossing({ id: "new", threshold: "2000" })];
      const span = { from: 1, upTo: 2, band: quiet };
      assert.deepEqual(await commit(store, evaluation({ ...span, crossings, effects })), ["committed"]);
      assert.deepEqual(ids(await listed(store)), ["new", "old"]);
      assert.deepEqual(await lines(host), ["new", "null"]);
    },
  },
  {
    about,
    name: "an effect that fails undoes its whole evaluation, and the counter stays due",
    requires: "effect",
    async run(opened) {
      const { store } = opened;
      const host = await hostOf(opened);
      await due(store);
      const before = await dueCounter(store);
      const effects = [
        { crossing: "acme", statement: log("kept by nobody") },
        { crossing: "not stored", statement: broken },
        { crossing: "acme", statement: broken },
        { crossing: null, statement: log("never reached") },
      ];
      const notices = [
        {
          ...{ tenant: "default", id: "n", crossing: "acme", milestone: "emails-delivered", kind: "reminder" as const },
        },
      ].map((notice) => ({ ...notice, number: 1, value: 1, noticedAt: start }));
      const given = { ...evaluated("acme", effects), notices, wakeAt: start, band: restless, state: { wrong: 1 } };
      const [result] = await commit(store, given);
      assert.equal(failedAt(result), 2, "one whose crossing is not stored does not run");
      assert.deepEqual(await lines(host), []);
      assert.deepEqual(await listed(store), []);
      assert.deepEqual(await store.notices.list({ tenant: "default", limit: 10 }), []);
      assert.deepEqual(await dueCounter(store), before);
      assert.deepEqual(await store.counters.wake({ metrics: ["email.delivered"], limit: 10, now: start }), []);
      const repaired = [{ crossing: "acme", statement: log("repaired") }];
      assert.deepEqual(await commit(store, evaluated("acme", repaired)), ["committed"]);
      assert.deepEqual(await lines(host), ["repaired"]);
    },
  },
  {
    about,
    name: "a statement of a table that does not exist fails like any other",
    requires: "effect",
    async run(opened) {
      await hostOf(opened);
      await due(opened.store);
      const effects = [{ crossing: null, statement: sql`UPDATE host_missing SET line = ${"x"}` }];
      const [result] = await commit(opened.store, evaluation({ effects }));
      assert.equal(failedAt(result), 0);
      assert.equal((await counter(opened.store))?.due, true);
    },
  },
  {
    about,
    name: "what fails or is lost undoes nothing of the others in its call, answered in their order",
    requires: "effect",
    async run(opened) {
      const { store } = opened;
      const host = await hostOf(opened);
      const subjects = ["plain", "failing", "good", "late", "alone"];
      for (const subject of subjects) await due(store, subject, subject);
      const of = (subject: string, statement = log(subject)) => [{ crossing: subject, statement }];
      const [plain, failing, good, late, alone] = await commit(
        store,
        evaluated("plain", []),
        evaluated("failing", of("failing", broken)),
        evaluated("good", of("good")),
        { ...evaluated("late", of("late")), from: 7, upTo: 8 },
        evaluated("alone", []),
      );
      assert.equal(failedAt(failing), 0);
      assert.deepEqual([plain, good, late, alone], ["committed", "committed", "lost", "committed"]);
      assert.deepEqual(ids(await listed(store)), ["alone", "good", "plain"]);
      assert.deepEqual(await lines(host), ["good"]);
      const waiting = await store.counters.due({ metrics: ["email.delivered"], limit: 10, trailLimit: 10 });
      assert.deepEqual(waiting.map(({ subject }) => subject).sort(), ["failing", "late"]);
    },
  },
  {
    about,
    name: "a lost evaluation leaves no effect, whatever it was lost to",
    requires: "effect",
    async run(opened) {
      const { store } = opened;
      const host = await hostOf(opened);
      await due(store);
      const effects = [null, "acme"].map((each) => ({ crossing: each, statement: log("lost") }));
      const given = evaluated("acme", effects);
      const limit = { tenant: "default", metric: "email.delivered", subject: "acme", amount: 1, by: "b", why: "w" };
      await store.limits.add({ ...limit, now: start });
      await store.limits.apply({ ...limit, version: 1, generation: 1, periods: [], now: start });
      for (const lost of [
        { from: 1 },
        { generation: 2 },
        { rev: 7 },
        { limitsSeen: 2 },
        { levelsSeen: [{ milestone: "emails-delivered", subject: "acme", applied: 1 }] },
        { subject: "nobody" },
      ]) {
        assert.deepEqual(await commit(store, { ...given, ...lost }), ["lost"], JSON.stringify(lost));
      }
      assert.deepEqual(await lines(host), []);
      assert.deepEqual(await listed(store), []);
      assert.deepEqual(await commit(store, given), ["committed"]);
      assert.deepEqual(await commit(store, given), ["lost"], "a repeat");
      assert.deepEqual(await lines(host), ["lost", "lost"]);
    },
  },
  {
    about,
    name: "of evaluators at once one leaves its effects",
    requires: "effect",
    async run(opened) {
      const stores = await twoStores(opened);
      const host = await hostOf(opened);
      await host.run("CREATE TABLE host_shops (id text PRIMARY KEY, taken integer NOT NULL)");
      for (let round = 0; round < 8; round++) {
        const subject = `s-${round}`;
        await due(opened.store, subject, subject);
        await host.run(`INSERT INTO host_shops (id, taken) VALUES ('${subject}', 0)`);
        const statement = sql`UPDATE host_shops SET taken = taken + 1 WHERE id = ${subject}`;
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) => {
            const id = `${round}-${n}`;
            return commit(stores[n % 2]!, evaluated(subject, [{ crossing: id, statement }], { id }));
          }),
        );
        assert.equal(answers.flat().filter((answer) => answer === "committed").length, 1);
        assert.equal(answers.flat().filter((answer) => answer === "lost").length, 3);
      }
      const taken = await host.all("SELECT DISTINCT CAST(taken AS text) AS taken FROM host_shops");
      assert.deepEqual(
        taken.map((row) => row.taken),
        ["1"],
      );
    },
  },
  {
    about,
    name: "an evaluation with effects beside new batches loses no trail",
    requires: "effect",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const host = await hostOf(opened);
      for (let round = 0; round < 10; round++) {
        const subject = `s-${round}`;
        await due(one, subject, `${subject}-1`);
        const effects = [{ crossing: subject, statement: log(subject) }];
        const [[answer]] = await Promise.all([
          commit(one, { ...evaluated(subject, effects), band: restless }),
          record(two, [sampleEvent({ subject, id: `${subject}-2` })]),
          record(two, [sampleEvent({ subject, id: `${subject}-3` })]),
        ]);
        assert.equal(answer, "committed");
        assert.deepEqual(await counter(one, { subject }), { value: 3, rev: 3, due: true });
        assert.deepEqual(
          (await dueCounter(one, { subject }))?.trail.map(({ rev }) => rev),
          [2, 3],
        );
      }
      assert.equal((await lines(host)).length, 10);
    },
  },
  {
    about,
    name: "a parked counter whose effects then run is parked no more",
    requires: "effect",
    async run(opened) {
      const { store } = opened;
      const host = await hostOf(opened);
      await due(store);
      const { crossings: _, ...key } = evaluation();
      const why = { reason: "effect_failed", detail: "no such table" } as const;
      await store.parking.park({ ...key, ...why, from: 0, retryIn: 60_000, now: start });
      assert.equal((await store.parking.list({ tenant: "default", limit: 10 })).length, 1);
      const effects = [{ crossing: null, statement: log("done") }];
      assert.deepEqual(await commit(store, evaluation({ effects })), ["committed"]);
      assert.deepEqual(await store.parking.list({ tenant: "default", limit: 10 }), []);
      assert.deepEqual(await lines(host), ["done"]);
    },
  },
  {
    about,
    name: "texts, numbers, booleans, times and null arrive as they were given",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      await host.run(`CREATE TABLE host_values (number integer PRIMARY KEY, words text, whole bigint, part double precision,
        yes boolean, moment text)`);
      await due(opened.store);
      const texts = [
        "",
        'it\'s "quoted" $1 ? :name -- no; \\ {counters}',
        "é e\u0301 \u{1f389}\n\t",
        "null",
        "1e3",
        "'",
      ];
      const wholes = [0, -1, max, -max, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n, 7n, 1000];
      const parts = [0.1, -2.5, 1e21, 5e-7, 3, 1 / 3];
      const flags = [true, false, null];
      const moments = [start, new Date(0), new Date("1999-12-31T23:59:59.999Z"), null];
      const rows = Array.from({ length: 8 }, (_, i) => ({
        words: texts[i] ?? null,
        whole: wholes[i]!,
        part: parts[i] ?? null,
        yes: flags[i] ?? null,
        moment: moments[i] ?? null,
      }));
      const effects = rows.map(({ words, whole, part, yes, moment }, i) => ({
        crossing: null,
        statement: sql`INSERT INTO host_values (number, words, whole, part, yes, moment)
          VALUES (${i}, ${words}, ${whole}, ${part}, ${yes}, ${moment})`,
      }));
      assert.deepEqual(await commit(opened.store, evaluation({ effects })), ["committed"]);
      const found = await host.all(`SELECT words, CAST(whole AS text) AS whole, CAST(part AS text) AS part, moment,
        CASE WHEN yes THEN 'true' WHEN NOT yes THEN 'false' END AS yes FROM host_values ORDER BY number`);
      assert.deepEqual(
        found.map(({ part, ...row }) => ({ ...row, part: part === null ? null : Number(part) })),
        rows.map(({ words, whole, part, yes, moment }) => ({
          words,
          whole: String(whole),
          moment: moment?.toISOString() ?? null,
          yes: yes === null ? null : String(yes),
          part,
        })),
      );
    },
  },
  {
    about,
    name: "a value is a value wherever it stands, and a part of a statement a part of it",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      await due(opened.store);
      const hostile = "x'); DELETE FROM host_log; --";
      const where = sql`WHERE number=${1}AND line <> ${hostile}`;
      const effects = [log("one"), log(hostile), sql`UPDATE host_log SET line=${"two"}||line ${where}`].map(
        (statement) => ({ crossing: null, statement }),
      );
      assert.deepEqual(await commit(opened.store, evaluation({ effects })), ["committed"]);
      assert.deepEqual(await lines(host), ["twoone", hostile]);
    },
  },
  {
    about,
    name: "a text of two statements is refused, with a value and without, and neither of them is kept",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      for (const [i, statement] of [
        sql`DELETE FROM host_log; DELETE FROM host_log`,
        sql`DELETE FROM host_log WHERE line = ${"x"}; COMMIT`,
      ].entries()) {
        const subject = `s-${i}`;
        await due(opened.store, subject, subject);
        const effects = [log(subject), statement].map((each) => ({ crossing: null, statement: each }));
        const [result] = await commit(opened.store, evaluation({ subject, effects }));
        assert.equal(failedAt(result), 1);
        assert.deepEqual(await lines(host), []);
        assert.equal((await counter(opened.store, { subject }))?.due, true);
      }
    },
  },
];
