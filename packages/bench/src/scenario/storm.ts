import { accepted, createMilepost, type Notifier, type Outcome, refusedTransient, unavailable } from "@milepost/core";
import { limit, rowsOf } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import { announcedMilestone } from "../workload/announced-milestone.js";
import { metric } from "../workload/event-streams.js";
import { seededRandom } from "../workload/random.js";
import { crowd } from "./crowd.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  notifications: { full: 50_000, short: 600, what: "that wait when the provider goes down" },
  outage: { full: 30, short: 3, what: "minutes, of a virtual clock, for which it is down" },
  rate: { full: 100, short: 20, what: "calls a second that the lane allows" },
  // short: of few retries a second, the fullest has many times the mean by chance
  spread: { full: 3, short: 8, what: "times the mean second that the fullest second of retries may hold" },
  crowd: { full: 1_000_000, short: 2_000, what: "notifications of one tenant that wait before another's 100" },
} satisfies Sizes;
type StormSize = ScaleOf<typeof sizes>;

export const storm: Scenario = {
  name: "R29",
  title: "a provider that is down for half an hour, and a tenant with a million before another's hundred",
  stores: ["postgres", "sqlite"],
  sizes,
  async run(context: ScenarioContext<StormSize>) {
    await down(context, "refused", () => refusedTransient("451 come again"));
    await down(context, "away", () => unavailable("nobody answers"));
    await crowd(context);
  },
};

/** Milliseconds of the virtual clock between two passes. */
const step = 1_050;
const begin = Date.parse("2026-11-01T12:00:00Z");
/** Recipients of one crossing. */
const perCrossing = 500;

/** The provider answers each message so until it is up again. */
async function down(context: ScenarioContext<StormSize>, what: string, answer: () => Outcome): Promise<void> {
  const { scale, seed, places, faults, verdict, progress } = context;
  const figure = (name: string) => `${what}${name}`;
  const opened = openPlace(await places.create(), { connections: 2 });
  let now = begin;
  let up = true;
  const calls: number[] = [];
  let whileDown = 0;
  let sent = 0;
  const provider: Notifier = {
    name: "provider",
    channel: "email",
    mode: "at-most-once",
    async send() {
      calls.push(now);
      if (up) {
        sent++;
        return accepted();
      }
      whileDown++;
      return answer();
    },
  };
  const recipients = {
    resolve: async ({ subject }: { readonly subject: string }) =>
      Array.from({ length: Number(subject.split("/")[1]) }, (_, i) => ({ address: `${subject}-${i}@chaos.example` })),
  };
  // messages that are refused one by one need tries for half an hour; those that nobody is there for need no more than usual
  const maxAttempts = what === "refused" ? 100 : 5;
  const milepost = createMilepost({
    store: opened.store,
    milestones: [announcedMilestone([1], provider, recipients, "storm", maxAttempts)],
    runtime: { now: () => new Date(now), random: seededRandom(seed) },
  });
  try {
    const lane = { notifier: "provider", by: "chaos", why: "the storm" };
    await milepost.lanes.pause(lane);
    const subjects: string[] = [];
    for (let left = scale.notifications; left > 0; left -= perCrossing) {
      subjects.push(`s${subjects.length}/${Math.min(left, perCrossing)}`);
    }
    await milepost.recordMany(subjects.map((subject) => ({ id: subject, metric, subject })));
    await milepost.runOnce();
    await milepost.lanes.limit({ ...lane, rate: { count: scale.rate, interval: 1_000 } });
    await milepost.lanes.resume(lane);

    up = false;
    faults.add("down", what);
    const end = begin + scale.outage * 60_000;
    const pass = () => milepost.runOnce({ concurrency: scale.rate });
    for (; now < end; now += step) {
      await pass();
      progress(Math.round((now - begin) / 60_000), scale.outage);
    }
    if (what === "refused") {
      const waiting: number[] = [];
      const pending = (after: { readonly id: string } | undefined) =>
        opened.store.notifications.list({
          ...{ tenant: "default", states: ["pending"] as const, limit },
          ...(after !== undefined && { after: after.id }),
        });
      for await (const { notBefore } of rowsOf(pending))
        if (notBefore.getTime() > now) waiting.push(notBefore.getTime());
      verdict.atMost("fullestSecondToMean", fullestToMean(waiting), scale.spread);
    }
    up = true;
    const upAt = now;
    let resumedAt = 0;
    const deadline = now + 10 * 3_600_000;
    for (; sent < scale.notifications && now < deadline; now += step) {
      await pass();
      if (resumedAt === 0 && sent > 0) resumedAt = now;
      progress(sent, scale.notifications);
    }
    verdict.exactly(figure("Sent"), sent, scale.notifications);
    const ends = await milepost.notifications.count();
    verdict.exactly(
      figure("NotSent"),
      ends.filter(({ state }) => state !== "sent").reduce((sum, { count }) => sum + count, 0),
      0,
    );
    verdict.atLeast(figure("CallsWhileDown"), whileDown, 1);
    // one that is away is asked now and then, not for each message
    if (what === "away")
      verdict.atMost("callsPerMinuteWhileAway", Math.round(whileDown / scale.outage), scale.rate * 12);
    verdict.atMost(figure("PeakOfASecond"), mostWithinASecond(calls), scale.rate);
    verdict.atMost(figure("SecondsUntilResumed"), Math.round((resumedAt - upAt) / 1_000), 65);
    verdict.note(figure("SecondsOfVirtualTime"), Math.round((now - begin) / 1_000));
  } finally {
    await milepost.close();
    await opened.close();
  }
}

/** How full the fullest second is, against the mean of those from the first to the last. */
function fullestToMean(instants: readonly number[]): number {
  const seconds = new Map<number, number>();
  for (const at of instants) seconds.set(Math.floor(at / 1_000), (seconds.get(Math.floor(at / 1_000)) ?? 0) + 1);
  const from = [...seconds.keys()].reduce((a, b) => Math.min(a, b));
  const to = [...seconds.keys()].reduce((a, b) => Math.max(a, b));
  const fullest = [...seconds.values()].reduce((a, b) => Math.max(a, b));
  return Math.round((fullest / (instants.length / (to - from + 1))) * 100) / 100;
}

function mostWithinASecond(sorted: readonly number[]): number {
  let most = 0;
  let first = 0;
  sorted.forEach((at, i) => {
    while (sorted[first]! <= at - 1_000) first++;
    most = Math.max(most, i - first + 1);
  });
  return most;
}
