import {
  accepted,
  createMilepost,
  every,
  type Hours,
  milestone,
  type Notifier,
  refusedTransient,
} from "@milepost/core";
import { openPlace } from "../place/place.js";
import { seededRandom } from "../workload/random.js";
import { clockOf, someZones } from "../workload/zones.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  zones: { full: 40, short: 40, what: "Lord Howe, Apia, Casablanca and Kathmandu first, then any" },
  days: { full: 366, short: 2, what: "of a virtual clock, in each of three years, from before a clock change on" },
  step: { full: 10, short: 14, what: "minutes of the virtual clock between two passes, in the mean; up to 15" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const minute = 60_000;
const day = 24 * 60 * minute;
/** Apia leaves a day out; Lord Howe goes back half an hour; Lord Howe goes forward. */
const begins = ["2011-12-29T06:00:00Z", "2013-04-06T00:00:00Z", "2015-10-03T00:00:00Z"].map(Date.parse);
/** A day's work, and hours that some clock changes skip, shorten or repeat. */
const hours: Readonly<Record<string, Hours>> = {
  office: { from: "09:00", to: "18:00" },
  night: { from: "02:15", to: "02:45" },
};
const metric = "day.begun";

export const localHours: Scenario = {
  name: "R26",
  title: "three years of clock changes in 40 zones: nobody is called outside of their hours, everybody once each date",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

/** One message: that a date has begun in a zone. */
interface Told {
  readonly zone: string;
  readonly date: string;
  readonly name: string;
  /** Calls that are refused for now before one is accepted. */
  readonly refusals: number;
  /** What clocks showed at each call. */
  readonly calls: string[];
  sent: number;
}

async function run({ scale, seed, places, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const random = seededRandom(seed);
  const zones = someZones(scale.zones, seed).map((name) => ({
    name,
    shown: clockOf(name),
    date: "",
    offset: Number.NaN,
  }));
  const shownIn = new Map(zones.map(({ name, shown }) => [name, shown]));
  const told = new Map<string, Told>();
  /** Of those: what is still to be sent. */
  const waiting = new Set<Told>();
  /** Zones with the dates on which their clocks were changed. */
  const changed = new Set<string>();
  let now = begins[0]!;
  let outside = 0;
  const notifier: Notifier = {
    name: "phone",
    channel: "sms",
    mode: "at-most-once",
    async send({ text, to }) {
      const one = told.get(text!)!;
      const shown = shownIn.get(to.zone!)!(now);
      one.calls.push(shown);
      if (!isWithin(hours[one.name]!, shown)) outside++;
      if (one.calls.length <= one.refusals) return refusedTransient("busy");
      one.sent++;
      waiting.delete(one);
      return accepted();
    },
  };
  const opened = openPlace(await places.create(), { connections: 2 });
  const milepost = createMilepost({
    store: opened.store,
    milestones: Object.entries(hours).map(([name, { from, to }]) =>
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
    const begun = zones.filter((zone) => zone.shown(now).slice(0, 10) > zone.date);
    for (const zone of begun) zone.date = zone.shown(now).slice(0, 10);
    const events = begun.map(({ name, date }) => ({ id: `${name} ${date}`, metric, subject: name }));
    for (const { id } of events) {
      const [zone, date] = id.split(" ") as [string, string];
      for (const name of Object.keys(hours)) {
        const refusals = random() < 0.1 ? 1 + Math.floor(random() * 3) : 0;
        const one: Told = { zone, date, name, refusals, calls: [], sent: 0 };
        told.set(`${name} ${id}`, one);
        waiting.add(one);
      }
    }
    if (events.length > 0) await milepost.recordMany(events);
  }

  /** Minutes, and as often the last millisecond before one. */
  function advance(): void {
    const minutes = 1 + Math.floor(random() * (2 * scale.step - 1));
    now = Math.ceil(now / minute + minutes) * minute - (random() < 0.5 ? 1 : 0);
    for (const zone of zones) {
      const offset = Math.round((Date.parse(`${zone.shown(now)}Z`) - now) / minute);
      if (offset !== zone.offset && !Number.isNaN(zone.offset))
        changed.add(`${zone.name} ${zone.shown(now).slice(0, 10)}`);
      zone.offset = offset;
    }
  }

  let passes = 0;
  let late = 0;
  try {
    for (const [episode, begin] of begins.entries()) {
      now = begin;
      for (const zone of zones) {
        // a date that has begun already may have no more of its hours
        zone.date = zone.shown(now).slice(0, 10);
        zone.offset = Number.NaN;
      }
      for (const end = begin + scale.days * day; now < end || (waiting.size > 0 && now < end + 7 * day); advance()) {
        if (now < end) await newDates();
        await milepost.runOnce({ concurrency: 100 });
        passes++;
        for (const { zone, name, calls } of waiting) {
          if (calls.length === 0 && isWithin(hours[name]!, shownIn.get(zone)!(now))) late++;
        }
        progress(
          Math.min(scale.days, Math.floor((now - begin) / day)) + episode * scale.days,
          begins.length * scale.days,
        );
      }
    }
    const all = [...told.values()];
    verdict.note("passes", passes);
    verdict.atLeast("clockChanges", changed.size, 3);
    verdict.note("messages", all.length);
    verdict.exactly("outsideOfTheirHours", outside, 0);
    verdict.exactly("notSentWhenTheyOpened", late, 0);
    verdict.exactly("notSentOnce", all.filter(({ sent }) => sent !== 1).length, 0);
    const dateOf = (shown: string | undefined) => shown?.slice(0, 10);
    const moved = all.filter(({ refusals, calls, date }) => refusals === 0 && dateOf(calls[0]) !== date);
    // only a clock change can take all of a night's hours, and none takes a day's
    const taken = moved.filter(({ name, zone, date }) => name === "night" && changed.has(`${zone} ${date}`));
    verdict.note("nightsTakenByAClockChange", taken.length);
    verdict.exactly("notOnTheirDate", moved.length - taken.length, 0);
    const carried = all.filter(({ calls }) => dateOf(calls[0]) !== dateOf(calls.at(-1)));
    verdict.atLeast("carriedOver", carried.length, 1);
    const { checks } = await milepost.verify();
    verdict.exactly("verifyFinds", checks.filter(({ violations }) => violations.length > 0).length, 0);
  } finally {
    await milepost.close();
    await opened.close();
  }
}

/** By the text that a clock shows, and no arithmetic. */
function isWithin({ from, to }: Hours, shown: string): boolean {
  const time = shown.slice(11, 16);
  return from <= time && time < to;
}
