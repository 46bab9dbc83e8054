import { accepted, createMilepost, every, milestone, type Notifier, refusedTransient } from "@milepost/core";
import { checkToldDates, isWithin, type ToldDate, toldHours } from "../check/told-dates.js";
import { openPlace } from "../place/place.js";
import { seededRandom } from "../workload/random.js";
import { clockOf, someZones } from "../workload/zones.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  zones: { full: 40, short: 40, what: "Lord Howe, Apia, Casablanca and Kathmandu first, then any" },
  days: { full: 366, short: 1, what: "of a virtual clock, in each of three years, from before a clock change on" },
  step: { full: 10, short: 14, what: "minutes of the virtual clock between two passes, in the mean" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const minute = 60_000;
const day = 24 * 60 * minute;
/** Apia leaves a day out; Lord Howe goes back half an hour; Lord Howe goes forward. */
const begins = ["2011-12-30T00:00:00Z", "2013-04-06T00:00:00Z", "2015-10-03T00:00:00Z"].map(Date.parse);
const metric = "day.begun";

export const localHours: Scenario = {
  name: "R26",
  title: "three years of clock changes in 40 zones: nobody is called outside of their hours, everybody once each date",
  stores: ["postgres", "sqlite"],
  sizes,
  conflict({ zones, step }: Size) {
    if (zones < 2) return "--zones below 2 leaves out a zone whose clocks are changed";
    return step > 15 ? "--step above 15 may step over a night's hours" : undefined;
  },
  run,
};

/** A zone, and how far its clocks are. */
interface ZoneNow {
  readonly name: string;
  readonly shown: (instant: number) => string;
  date: string;
  /** Minutes; undefined before the first look. */
  offset: number | undefined;
}

async function run({ scale, seed, places, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const random = seededRandom(seed);
  const zones = someZones(scale.zones, seed).map(
    (name): ZoneNow => ({ name, shown: clockOf(name), date: "", offset: undefined }),
  );
  const shownIn = new Map(zones.map(({ name, shown }) => [name, shown]));
  const told = new Map<string, ToldDate>();
  /** Of those: what is still to be sent. */
  const waiting = new Set<ToldDate>();
  /** Zones with the dates on which their clocks were changed. */
  const changed = new Set<string>();
  let now = begins[0]!;
  const notifier: Notifier = {
    name: "phone",
    channel: "sms",
    mode: "at-most-once",
    async send({ text, to }) {
      const one = told.get(text!)!;
      one.calls.push(shownIn.get(to.zone!)!(now));
      if (one.calls.length <= one.refusals) return refusedTransient("busy");
      one.accepted++;
      waiting.delete(one);
      return accepted();
    },
  };
  const opened = openPlace(await places.create(), { connections: 2 });
  const milepost = createMilepost({
    store: opened.store,
    milestones: Object.entries(toldHours).map(([name, { from, to }]) =>
      milestone({
        ...{ name, metric, policy: every(1), notifier, maxAttempts: 20 },
        recipients: { resolve: async ({ subject }) => [{ address: subject, zone: subject }] },
        message: { text: "{{about}}", data: ({ eventId }) => ({ about: `${name} ${eventId}` }) },
        hours: { from, to, zone: "recipient" },
      }),
    ),
    // a call that was refused in the morning comes again until the evening, or the next day
    delivery: { retryBase: 120 * minute, retryCap: 240 * minute },
    runtime: { now: () => new Date(now), random },
  });

  /** Dates that begin now are told of, in each zone by its own clocks. */
  async function newDates(): Promise<void> {
    const begun = zones.filter(({ shown, date }) => shown(now).slice(0, 10) > date);
    for (const zone of begun) {
      zone.date = zone.shown(now).slice(0, 10);
      for (const name of Object.keys(toldHours)) {
        const refusals = random() < 0.1 ? 1 + Math.floor(random() * 3) : 0;
        const one: ToldDate = { zone: zone.name, date: zone.date, name, refusals, calls: [], accepted: 0 };
        told.set(`${name} ${zone.name} ${zone.date}`, one);
        waiting.add(one);
      }
    }
    if (begun.length === 0) return;
    await milepost.recordMany(begun.map(({ name, date }) => ({ id: `${name} ${date}`, metric, subject: name })));
  }

  /** By minutes, and as often to the last millisecond before one. */
  function advance(): void {
    const minutes = 1 + Math.floor(random() * (2 * scale.step - 1));
    now = Math.ceil(now / minute + minutes) * minute - (random() < 0.5 ? 1 : 0);
    for (const zone of zones) {
      const shown = zone.shown(now);
      const offset = Math.round((Date.parse(`${shown}Z`) - now) / minute);
      if (zone.offset !== undefined && offset !== zone.offset) changed.add(`${zone.name} ${shown.slice(0, 10)}`);
      zone.offset = offset;
    }
  }

  let passes = 0;
  let late = 0;
  try {
    for (const [year, begin] of begins.entries()) {
      now = begin;
      for (const zone of zones) {
        // a date that has begun already may have no more of its hours
        zone.date = zone.shown(now).slice(0, 10);
        zone.offset = undefined;
      }
      for (const end = begin + scale.days * day; now < end || (waiting.size > 0 && now < end + 7 * day); advance()) {
        if (now < end) await newDates();
        await milepost.runOnce({ concurrency: 100 });
        passes++;
        for (const { zone, name, calls } of waiting) {
          if (calls.length === 0 && isWithin(name, shownIn.get(zone)!(now))) late++;
        }
        const days = Math.min(scale.days, Math.floor((now - begin) / day));
        progress(year * scale.days + days, begins.length * scale.days);
      }
    }
    verdict.note("passes", passes);
    verdict.atLeast("clockChanges", changed.size, 3);
    verdict.exactly("notSentWhenTheyOpened", late, 0);
    checkToldDates([...told.values()], changed, verdict);
    const { checks } = await milepost.verify();
    verdict.exactly("verifyFinds", checks.filter(({ violations }) => violations.length > 0).length, 0);
  } finally {
    await milepost.close();
    await opened.close();
  }
}
