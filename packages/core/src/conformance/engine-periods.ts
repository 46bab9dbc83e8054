import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import type { Crossing } from "../milestone/crossing.js";
import { type Milestone, milestone } from "../milestone/milestone.js";
import { type Period, spanAt } from "../milestone/period.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { metric, owner, refusal, StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: periods";
const subject = "acme";
const day = 24 * hour;

/** On either side of the equator and of the date line, with clock changes and without, at odd hours and odd minutes. */
export const zones: readonly string[] =
  `Pacific/Pago_Pago Pacific/Honolulu Pacific/Marquesas America/Anchorage America/Los_Angeles America/Phoenix
America/Denver America/Chicago America/New_York America/Havana America/Caracas America/Halifax America/St_Johns
America/Sao_Paulo America/Asuncion America/Santiago Atlantic/Azores Africa/Casablanca Europe/London Europe/Berlin
Europe/Athens Africa/Cairo Asia/Beirut Europe/Moscow Asia/Tehran Asia/Dubai Asia/Kabul Asia/Karachi Asia/Kolkata
Asia/Kathmandu Asia/Dhaka Asia/Yangon Asia/Shanghai Australia/Eucla Asia/Tokyo Australia/Adelaide Australia/Lord_Howe
Pacific/Auckland Pacific/Chatham Pacific/Kiritimati`.split(/\s/);

const counting = (name: string, period: Period, ...values: readonly number[]): Milestone =>
  milestone({ name, metric, period, policy: thresholds(...values) });

const engine = (store: Store, clock: StillClock, ...milestones: readonly Milestone[]): Milepost =>
  createMilepost({ store, milestones, runtime: { now: clock.now } });

const event = (id: string, at: string | number | Date, amount = 1) => {
  return { id, metric, subject, amount, occurredAt: new Date(at) };
};

const facts = ({ milestone, period, threshold, eventId, state }: Crossing) =>
  [milestone, period, threshold, eventId, state].join(" ");

async function valuesOf(milepost: Milepost): Promise<readonly string[]> {
  return (await milepost.counters.list()).map(({ period, value }) => `${period} ${value}`);
}

export const enginePeriodCases: readonly ConformanceCase[] = [
  {
    about,
    name: "one event feeds the lifetime and a counter of every period, each with levels of its own",
    async run({ store }) {
      const milepost = engine(
        store,
        new StillClock(),
        counting("ever", "lifetime", 3),
        counting("daily", "day:Europe/Berlin", 2),
        counting("weekly", "week:UTC", 2),
        counting("monthly", "month:Asia/Kathmandu", 2),
        counting("monthly too", "month:Asia/Kathmandu", 1),
        counting("quarterly", "quarter:UTC", 3),
        counting("yearly", "year:UTC", 3),
      );
      await milepost.record(event("a", "2026-11-01T22:59:59Z"));
      await milepost.record(event("b", "2026-11-01T23:00:00Z"));
      const { value, crossings } = await milepost.record(event("c", "2026-12-31T18:15:00Z"));
      assert.equal(value, 3, "of the lifetime");
      assert.deepEqual(crossings.map(({ milestone, period }) => `${milestone} ${period}`).sort(), [
        "ever lifetime",
        "monthly too month:Asia/Kathmandu:2027-01",
        "quarterly quarter:UTC:2026-Q4",
        "yearly year:UTC:2026",
      ]);
      assert.deepEqual(await valuesOf(milepost), [
        "day:Europe/Berlin:2026-11-01 1",
        "day:Europe/Berlin:2026-11-02 1",
        "day:Europe/Berlin:2026-12-31 1",
        "lifetime 3",
        "month:Asia/Kathmandu:2026-11 2",
        "month:Asia/Kathmandu:2027-01 1",
        "quarter:UTC:2026-Q4 3",
        "week:UTC:2026-W44 2",
        "week:UTC:2026-W53 1",
        "year:UTC:2026 3",
      ]);
      const november = { metric, subject, period: "month:Asia/Kathmandu", at: new Date("2026-11-30") } as const;
      assert.equal((await milepost.counters.get(november))?.value, 2);
      assert.equal(await milepost.counters.get({ ...november, at: new Date("2026-10-01") }), null);
      assert.equal((await milepost.counters.get({ metric, subject }))?.value, 3);
    },
  },
  {
    about,
    name: "lago-6132: the value of the period before never hides a crossing of the new one",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = engine(store, clock, counting("monthly", "month:UTC", 10, 100));
      await milepost.record(event("november", clock.now(), 5_000));
      clock.advance(30 * day);
      const { crossings } = await milepost.record(event("december", clock.now(), 10));
      assert.deepEqual(crossings.map(facts), ["monthly month:UTC:2026-12 10 december silent"]);
    },
  },
  {
    about,
    name: "quotabar-61: a period's key comes from calendar and zone only, so its levels are crossed once in it",
    async run({ store }) {
      const clock = new StillClock();
      const first = engine(store, clock, counting("monthly", "month:Europe/Berlin", 2));
      await first.recordMany([event("a", clock.now()), event("b", clock.now())]);
      // another process, later, at another moment of the same month
      clock.advance(17 * day + 5 * hour);
      const second = engine(store, clock, counting("monthly", "month:Europe/Berlin", 2));
      await second.recordMany([event("c", clock.now()), event("d", "2026-11-30T22:59:59.999Z")]);
      assert.deepEqual((await second.crossings.list()).map(facts), ["monthly month:Europe/Berlin:2026-11 2 b silent"]);
    },
  },
  {
    about,
    name: "a crossing of a period that has closed is recorded as expired and told to nobody, unless in its grace",
    async run({ store }) {
      const clock = new StillClock();
      const notifier = memoryNotifier();
      const told = { recipients: owner, message: { text: "{{milestone}} {{threshold}}" }, notifier, metric } as const;
      const policy = thresholds(1, 2);
      const milepost = engine(
        store,
        clock,
        milestone({ name: "strict", period: "month:UTC", policy, ...told }),
        milestone({ name: "patient", period: "month:UTC", policy, grace: hour, ...told }),
        counting("quiet", "month:UTC", 1),
      );
      clock.advance(30 * day - 12 * hour - 1);
      assert.equal(clock.now().toISOString(), "2026-11-30T23:59:59.999Z");
      await milepost.record(event("in time", clock.now()));
      clock.advance(1);
      const late = await milepost.record(event("late", "2026-11-30T12:00:00Z"));
      assert.deepEqual(late.crossings.map(facts).sort(), [
        "patient month:UTC:2026-11 2 late pending",
        "strict month:UTC:2026-11 2 late expired",
      ]);
      assert.equal(late.crossings.find(({ milestone }) => milestone === "strict")?.reason, "expired");
      clock.advance(hour);
      const later = await milepost.record(event("later", "2026-10-31T23:59:59.999Z", 2));
      assert.deepEqual(later.crossings.map(facts).sort(), [
        "patient month:UTC:2026-10 1 later superseded",
        "patient month:UTC:2026-10 2 later expired",
        "quiet month:UTC:2026-10 1 later silent",
        "strict month:UTC:2026-10 1 later superseded",
        "strict month:UTC:2026-10 2 later expired",
      ]);
      await milepost.runOnce();
      const texts = notifier.sent.map(({ text }) => text);
      assert.deepEqual(texts.sort(), ["patient 1", "patient 2", "strict 1"]);
    },
  },
  {
    about,
    name: "a period that is added to a metric that runs counts from then on, and takes nothing over",
    async run({ store }) {
      const clock = new StillClock();
      const before = engine(store, clock, counting("ever", "lifetime", 3));
      await before.recordMany([event("a", clock.now()), event("b", clock.now())]);
      const after = engine(store, clock, counting("ever", "lifetime", 3), counting("monthly", "month:UTC", 1, 2));
      await after.ready();
      // the old process feeds the new counter, too, without its milestone
      const { value, crossings } = await before.record(event("c", clock.now()));
      assert.deepEqual([value, crossings], [3, []]);
      await after.record(event("d", clock.now()));
      await after.runOnce();
      assert.deepEqual((await after.crossings.list()).map(facts).sort(), [
        "ever lifetime 3 c silent",
        "monthly month:UTC:2026-11 1 c silent",
        "monthly month:UTC:2026-11 2 d silent",
      ]);
    },
  },
  {
    about,
    name: "a milestone that is added to a period that runs finds the levels behind adopted, in that period only",
    async run({ store }) {
      const clock = new StillClock();
      const before = engine(store, clock, counting("one", "month:UTC", 100));
      await before.record(event("a", clock.now(), 5));
      const after = engine(store, clock, counting("one", "month:UTC", 100), counting("two", "month:UTC", 1, 6));
      await after.record(event("b", clock.now()));
      clock.advance(30 * day);
      await after.record(event("c", clock.now()));
      assert.deepEqual((await after.crossings.list()).map(facts).sort(), [
        "two month:UTC:2026-11 1  adopted",
        "two month:UTC:2026-11 6 b silent",
        "two month:UTC:2026-12 1 c silent",
      ]);
    },
  },
  {
    about,
    name: "a repeat finds the crossings of its calendar counters, too, although their evaluation was lost",
    async run({ store }) {
      const clock = new StillClock();
      let died = false;
      const dying: Store = {
        ...store,
        crossings: {
          ...store.crossings,
          async commitEvaluation(input) {
            if (died) return store.crossings.commitEvaluation(input);
            died = true;
            throw new Error("the process died after its commit");
          },
        },
      };
      const milepost = engine(dying, clock, counting("monthly", "month:UTC", 1));
      await assert.rejects(milepost.record(event("a", clock.now())));
      const { duplicate, crossings } = await milepost.record(event("a", clock.now()));
      assert.deepEqual([duplicate, crossings.map(facts)], [true, ["monthly month:UTC:2026-11 1 a silent"]]);
    },
  },
  {
    about,
    name: "months roll in 40 zones over three years: each event in its month, each level crossed once in each",
    async run({ store }) {
      const clock = new StillClock();
      const inZone = (zone: string): Milestone =>
        milestone({ name: zone, metric: zone, period: `month:${zone}`, policy: thresholds(2) });
      const milepost = createMilepost({ store, milestones: zones.map(inZone), runtime: { now: clock.now } });
      for (let month = 0; month < 36; month++) {
        const events = zones.flatMap((zone) => {
          const { start, end } = spanAt(`month:${zone}`, clock.now());
          // from Intl's calendar and not from the one under test
          const moments = [start, start + 1, end - 1].map((time) => new Date(time));
          const name = monthIn(zone, moments[0]!);
          for (const moment of moments) assert.equal(monthIn(zone, moment), name);
          assert.notEqual(monthIn(zone, new Date(start - 1)), name);
          assert.notEqual(monthIn(zone, new Date(end)), name);
          return moments.map((occurredAt, i) => ({ id: `${name}-${i}`, metric: zone, subject, occurredAt }));
        });
        const { counted } = await milepost.recordMany(events);
        assert.equal(counted, events.length);
        clock.advance(Date.UTC(2026, 11 + month, 15) - clock.now().getTime());
      }
      for (const zone of zones) {
        const counters = await milepost.counters.list({ metric: zone });
        const months = counters.filter(({ period }) => period !== "lifetime");
        assert.equal(months.length, 36, zone);
        for (const { value } of months) assert.equal(value, 3);
        const crossings = await milepost.crossings.list({ milestone: zone });
        const named = crossings.map(({ period, eventId }) => `${period} ${eventId}`).sort();
        assert.deepEqual(named, months.map(({ period }) => `${period} ${period.slice(-7)}-1`).sort());
      }
    },
  },
  {
    about,
    name: "refuses what is no period, by the path of the field",
    async run({ store }) {
      for (const period of ["month", "hour:UTC", "month:Nowhere", "month:europe/berlin", 5, null]) {
        const made = () => milestone({ name: "m", metric, policy: thresholds(1), period: period as Period });
        const { code, path } = await refusal(made);
        assert.deepEqual([code, path], ["invalid_milestone", "period"]);
      }
      const milepost = createMilepost({ store });
      const get = () => milepost.counters.get({ metric, subject, period: "month:" as Period });
      const { code, path } = await refusal(get);
      assert.deepEqual([code, path], ["invalid_options", "period"]);
      const far = () => milepost.counters.get({ metric, subject, period: "month:UTC", at: new Date(8.64e15) });
      const outside = await refusal(far);
      assert.deepEqual([outside.code, outside.path], ["invalid_options", "at"]);
    },
  },
];

function monthIn(timeZone: string, at: Date): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit" }).format(at);
}
