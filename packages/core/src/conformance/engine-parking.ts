import assert from "node:assert/strict";
import type { EffectAnswer } from "../milestone/effect.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { sql } from "../milestone/sql.js";
import { counterActId } from "../store/tally.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { engineOf, logging, metric, spend } from "./effect-setup.js";
import { refusal, StillClock } from "./engine-setup.js";
import { broken, hostOf, lines, log } from "./host-log.js";
import { minute } from "./samples.js";

const about = "engine: parking";
const requires = "effect";
const acme = { metric, subject: "acme" };
const act = { ...acme, by: "ada", why: "the table is there now" };
const second = 1_000;

/** Fails for acme until it is repaired. */
function fragile() {
  const state = { repaired: false, tries: 0 };
  const effect = logging({
    effect({ subject, threshold }) {
      if (subject !== "acme") return log(`${subject} ${threshold}`);
      state.tries++;
      return state.repaired ? log(`${subject} ${threshold}`) : [log("undone"), broken];
    },
  });
  return { state, effect };
}

/** What no effect may answer, or do. */
const nonsense: readonly (readonly [name: string, effect: () => unknown])[] = [
  [
    "throws",
    () => {
      throw new Error("no such shop");
    },
  ],
  ["throws nothing", () => Promise.reject(new Error("an async function that fails"))],
  ["a promise", async () => log("later")],
  ["a text", () => "UPDATE shops SET online = 0"],
  ["an object", () => ({ text: "UPDATE shops SET online = 0" })],
  ["true", () => true],
  ["a list with a hole", () => [log("one"), undefined]],
  ["what only looks like a statement", () => JSON.parse('{"kind":"sql","texts":["DELETE FROM host_log"],"values":[]}')],
];

export const engineParkingCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an effect function that throws or answers nonsense parks its counter, and holds up no other of its batch",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      for (const [i, [name, answer]] of nonsense.entries()) {
        const effect = ({ subject }: { readonly subject: string }) =>
          (subject === "fine" ? log(`fine ${i}`) : answer()) as EffectAnswer;
        const about = { name: `m${i}`, metric: `metric-${i}`, policy: thresholds(1) };
        const { milepost, errors } = engineOf(opened.store, clock, [logging({ ...about, effect })]);
        const events = ["before", "fine", "after"].map((subject) => ({ id: subject, metric: about.metric, subject }));
        const results = await Promise.all(events.map((event) => milepost.record(event)));
        assert.deepEqual(
          results.map(({ crossings }) => crossings.length),
          [0, 1, 0],
          name,
        );
        const parked = await milepost.parked.list({ metric: about.metric });
        assert.deepEqual(
          parked.map(({ subject, reason, attempts }) => [subject, reason, attempts]),
          [
            ["after", "effect_failed", 1],
            ["before", "effect_failed", 1],
          ],
          name,
        );
        assert.equal(errors.length, 2, name);
        assert.match(parked[0]!.detail, /^effect\(\) (threw: .*(no such shop)|must answer sql)/, name);
      }
      assert.deepEqual(
        await lines(host),
        Array.from(nonsense, (_, i) => `fine ${i}`),
      );
    },
  },
  {
    about,
    name: "a statement that always fails parks its counter: nothing of it is stored, its events count on, others go on",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { milepost, errors } = engineOf(opened.store, clock, [fragile().effect]);
      const spent = ["one", "acme", "two"].map((subject) => spend(milepost, clock, 20, { subject }));
      assert.deepEqual(await Promise.all(spent), [["10"], [], ["10"]]);
      assert.deepEqual(await spend(milepost, clock, 100), []);
      await milepost.runOnce();
      assert.deepEqual(await spend(milepost, clock, 100, { subject: "one" }), ["100"]);
      const counter = await milepost.counters.get(acme);
      assert.deepEqual([counter?.value, counter?.due], [120, true]);
      assert.deepEqual([...(await lines(host))].sort(), ["one 10", "one 100", "two 10"]);
      assert.deepEqual(await milepost.crossings.list({ subject: "acme" }), []);
      const [parked, ...more] = await milepost.parked.list();
      assert.equal(more.length, 0);
      const { reason, attempts, since, retryAt, withoutEffects } = parked!;
      assert.deepEqual([reason, attempts, withoutEffects], ["effect_failed", 1, false]);
      assert.deepEqual([since, retryAt], [clock.now(), new Date(clock.now().getTime() + second)]);
      assert.match(parked!.detail, /INSERT INTO host_log \(number, line\) VALUES \(1, \?\)/);
      assert.equal(errors.length, 1, "it rests until its time");
    },
  },
  {
    about,
    name: "a parked counter is tried again by the clock, after twice as long each time, up to ten minutes",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { state, effect } = fragile();
      const { milepost } = engineOf(opened.store, clock, [effect]);
      const since = clock.now();
      await spend(milepost, clock, 20);
      const waits = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600].map((seconds) => seconds * second);
      for (const [i, wait] of waits.entries()) {
        const [parked] = await milepost.parked.list();
        assert.deepEqual([parked?.attempts, parked?.since], [i + 1, since]);
        assert.equal(parked!.retryAt.getTime() - clock.now().getTime(), wait);
        clock.advance(wait - 1);
        await milepost.runOnce();
        assert.equal(state.tries, i + 1);
        clock.advance(1);
        state.repaired = i === waits.length - 1;
        assert.equal((await milepost.runOnce()).evaluated, state.repaired ? 1 : 0);
        assert.equal(state.tries, i + 2);
      }
      assert.deepEqual(await milepost.parked.list(), []);
      assert.deepEqual(await lines(host), ["acme 10"]);
      state.repaired = false;
      assert.deepEqual(await spend(milepost, clock, 100), []);
      assert.equal((await milepost.parked.list())[0]?.attempts, 1, "a failure after a success is a first one");
    },
  },
  {
    about,
    name: "an act releases a parked counter: it is tried again now, and the answer says whether it is parked still",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { state, effect } = fragile();
      const { milepost } = engineOf(opened.store, clock, [effect]);
      await spend(milepost, clock, 20);
      await spend(milepost, clock, 100);
      assert.equal((await milepost.parked.release(act))?.attempts, 2);
      assert.deepEqual(await lines(host), []);
      state.repaired = true;
      assert.equal(await milepost.parked.release(act), null);
      assert.deepEqual(await lines(host), ["acme 10", "acme 100"]);
      assert.equal((await refusal(() => milepost.parked.release(act))).code, "not_found");
      assert.equal((await refusal(() => milepost.parked.release({ ...act, subject: "nobody" }))).code, "not_found");
      const entityId = counterActId({ tenant: "default", ...acme, period: "lifetime" });
      const acts = await actsOf(opened.store, { tenant: "default", entity: "counter", entityId });
      assert.deepEqual(
        acts.map(({ act, by, why }) => [act, by, why]),
        Array.from({ length: 2 }, () => ["release", act.by, act.why]),
      );
    },
  },
  {
    about,
    name: "withoutEffects records the crossings and runs nothing; the next crossing has its effect again",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const { state, effect } = fragile();
      const { milepost } = engineOf(opened.store, clock, [effect]);
      await spend(milepost, clock, 20);
      assert.equal(await milepost.parked.release({ ...act, withoutEffects: true }), null);
      assert.deepEqual(
        (await milepost.crossings.list()).map(({ threshold }) => threshold),
        ["10"],
      );
      assert.deepEqual(await lines(host), []);
      state.repaired = true;
      await spend(milepost, clock, 100);
      assert.deepEqual(await lines(host), ["acme 100"]);
      const entityId = counterActId({ tenant: "default", ...acme, period: "lifetime" });
      const acts = await actsOf(opened.store, { tenant: "default", entity: "counter", entityId });
      assert.deepEqual(
        acts.map(({ act, by }) => [act, by]),
        [["release_without_effects", "ada"]],
      );
    },
  },
  {
    about,
    name: "a table that is made later is found at the next try, and its effects run in order with those that came meanwhile",
    requires,
    async run(opened) {
      const clock = new StillClock();
      const host = await hostOf(opened);
      const effect = ({ threshold }: { readonly threshold: string }) =>
        sql`INSERT INTO host_later (threshold) VALUES (${threshold})`;
      const { milepost } = engineOf(opened.store, clock, [logging({ policy: thresholds(1, 2, 3), effect })]);
      for (let n = 0; n < 3; n++) await spend(milepost, clock, 1);
      await host.run("CREATE TABLE host_later (threshold text NOT NULL)");
      clock.advance(minute);
      await milepost.runOnce();
      const found = await host.all("SELECT threshold FROM host_later");
      assert.deepEqual(
        found.map(({ threshold }) => threshold),
        ["1", "2", "3"],
      );
    },
  },
];
