import { createMilepost, type Milepost } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import type { Period } from "../milestone/period.js";
import { every } from "../milestone/policies/every.js";
import { fallingBelow } from "../milestone/policies/falling-below.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { thresholdsOf } from "../milestone/policies/thresholds-of.js";
import type { MilestonePolicy } from "../milestone/policy.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import { membersWithRole, type RecipientResolver } from "../recipient/resolver.js";
import { suppressionReasons } from "../recipient/suppression.js";
import type { MilestoneEvent } from "../recording/event.js";
import { seeded } from "../seeded.js";
import type { Retain } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { metric, StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

// A random past of a few subjects: deployments, limits, counters that wait, lanes that are paused, addresses that must not
// be written to.

export type Draw = (below: number) => number;

export interface PlanWorld {
  /** The code that is to plan, and to record afterwards; nothing of it is installed yet. */
  readonly milepost: Milepost;
  readonly notifier: MemoryNotifier;
  readonly clock: StillClock;
  /** What is to be planned: new events and repeats. */
  readonly stream: readonly MilestoneEvent[];
  readonly subjects: readonly string[];
  readonly eventIds: readonly string[];
  /** Those that milestones may have. */
  readonly periods: readonly Period[];
}

export const subjects: readonly string[] = ["s0", "s1", "s2"];
const scopes = ["default", "news"];
const addresses = ["olga@acme.example", "Max@acme.example", "a@x.example", "b@x.example"];
const periods: readonly Period[] = ["lifetime", "month:UTC", "day:Europe/Berlin"];
const day = 24 * hour;
export const one = <T>(draw: Draw, values: readonly T[]): T => values[draw(values.length)]!;

/** A world drawn from a seed. Everybody's clock stands still at its end. */
export async function planWorld(store: Store, seed: number): Promise<PlanWorld> {
  const draw = seeded(seed);
  const clock = new StillClock();
  const notifier = memoryNotifier();
  const retain: Retain = one(draw, ["ids", "events"]);
  const engine = (milestones: readonly MilestoneOptions[]) => {
    const made = createMilepost({
      store,
      milestones: milestones.map(milestone),
      notifiers: [notifier], // whose lane is paused, also where all of them are silent
      metrics: { [metric]: { decrements: true, retain } },
      runtime: { now: clock.now },
    });
    // a policy of theirs may fail, and a deployment be behind
    made.on("error", () => {});
    made.on("behind", () => {});
    return made;
  };

  const before = Array.from({ length: 1 + draw(4) }, (_, i) => drawMilestone(draw, `m${i}`, notifier));
  const kept = before.filter(() => draw(6) > 0);
  const edited = kept.map((each) => (draw(3) === 0 ? { ...each, ...drawLevels(draw) } : each));
  const added = Array.from({ length: draw(3) }, (_, i) => drawMilestone(draw, `n${i}`, notifier));
  const old = engine(before);
  await putMembers(old);
  for (const subject of subjects) {
    if (draw(3) > 0) await old.limits.set({ metric, subject, amount: draw(60) });
  }

  let n = 0;
  const draws = () => drawEvent(draw, () => n++, clock);
  for (let step = draw(8); step > 0; step--) {
    clock.advance(draw(3) * hour + (draw(4) === 0 ? day : 0));
    await one<() => Promise<unknown>>(draw, [
      () => old.recordMany(Array.from({ length: draw(12) }, draws)),
      () => old.recordMany(Array.from({ length: draw(12) }, draws)),
      () => engine([]).recordMany(Array.from({ length: draw(6) }, draws)),
      () => old.limits.set({ metric, subject: one(draw, subjects), amount: draw(60) }),
      () => old.runOnce(),
      () => setLevels(draw, old, before),
      () => old.lanes.pause({ notifier: notifier.name, by: "olga", why: "a pause" }),
      () => sayOfAddress(draw, old),
    ])();
  }
  const milepost = engine([...edited, ...added]);
  if (draw(2) === 0) await milepost.ready();
  clock.advance(draw(2) * hour);
  const stream = Array.from({ length: draw(25) }, draws);
  const eventIds = Array.from({ length: n }, (_, i) => `e${i}`);
  return { milepost, notifier, clock, stream, subjects, eventIds, periods };
}

async function sayOfAddress(draw: Draw, { suppressions }: Milepost): Promise<void> {
  const act = { address: one(draw, addresses), scope: one(draw, ["*", ...scopes]), by: "olga", why: "she asked" };
  await one<() => Promise<unknown>>(draw, [
    () => suppressions.add({ ...act, reason: one(draw, suppressionReasons) }),
    () => suppressions.release(act),
    () => suppressions.consent({ ...act, source: "a form" }),
    () => suppressions.consent({ ...act, source: "a form" }),
    () => suppressions.withdraw({ ...act, source: "a form" }),
  ])();
}

async function setLevels(draw: Draw, milepost: Milepost, milestones: readonly MilestoneOptions[]): Promise<void> {
  const subject = one(draw, [undefined, ...subjects]);
  const levels = one(draw, [null, [], [1 + draw(30), 40 + draw(30)]]);
  for (const { name, policy } of milestones) {
    if (policy.needs?.includes("thresholds") !== true) continue;
    await milepost.levels.set({ milestone: name, levels, ...(subject !== undefined && { subject }) });
  }
}

/** Mostly a new one; each repeat of an id may say something else. */
export function drawEvent(draw: Draw, next: () => number, clock: StillClock): MilestoneEvent {
  const id = draw(6) === 0 ? `e${draw(10)}` : `e${next()}`;
  const amount = draw(8) === 0 ? draw(60) : draw(6) - 2;
  const late = draw(6) === 0 ? draw(40) * day : draw(3) * hour;
  const occurredAt = new Date(clock.now().getTime() - late);
  return { id, metric, subject: one(draw, subjects), amount, ...(draw(2) === 0 && { occurredAt }) };
}

function drawLevels(draw: Draw): Pick<MilestoneOptions, "policy"> {
  const at = () => 1 + draw(50);
  const policies: readonly (() => MilestonePolicy)[] = [
    () => thresholds(...new Set([at(), at(), at()])),
    () => thresholds({ at: 20 + draw(20), rearmAt: draw(20), code: "again", severity: "warning" }),
    () => every(2 + draw(20), draw(2) === 0 ? {} : { rearmAt: 0 }),
    () => fallingBelow({ at: 1 + draw(20), rearmAt: 30 }),
    () => percentOfLimit(50, { percent: 100, rearmAt: 70 }),
    () => thresholdsOf({ default: [at()] }),
    failsAbove(40 + draw(60)),
  ];
  return { policy: one(draw, [...policies, ...policies.slice(0, 6)])() };
}

/** A host's own, with a mistake that shows late. */
function failsAbove(value: number): () => MilestonePolicy {
  const levels = thresholds(10, 30);
  return () => ({
    key: `fails above ${value}`,
    // or it would be looked at when the milestone is made
    contextual: true,
    levels(range, context) {
      if (range.to > value) throw new Error("a mistake of the host's");
      return levels.levels(range, context);
    },
  });
}

export function drawMilestone(draw: Draw, name: string, notifier: MemoryNotifier): MilestoneOptions {
  const quiet = draw(4) === 0;
  return {
    ...{ name, metric, ...drawLevels(draw) },
    period: one(draw, ["lifetime", ...periods]),
    grace: draw(2) * day,
    onJump: one(draw, ["highest", "each", "list"] as const),
    minInterval: one(draw, [0, 0, hour, day]),
    onAdopt: one(draw, ["silent", "notify"] as const),
    ...(!quiet && {
      recipients: one(draw, resolvers),
      message: {
        subject: "{{subject.name}} {{threshold}}",
        text: "{{recipient.name}}: {{milestone}} {{period}} {{value}} of {{arming}}{{#passed}} {{threshold}}{{/passed}}",
        data: ({ arming }) => ({ arming }),
      },
      notifier,
      scope: one(draw, scopes),
      needsConsent: draw(3) === 0,
    }),
  };
}

const resolvers: readonly RecipientResolver[] = [
  membersWithRole("owner", "manager"),
  membersWithRole("owner"),
  {
    async *resolve({ value }) {
      yield { address: "A@x.example", name: "A", locale: "de" };
      if (value % 3 === 0) throw new Error("the directory is down");
      yield { address: " a@X.example ", name: "the same" };
      yield value % 3 === 1 ? { address: "b@x.example" } : { address: "b@x.example", name: "B", locale: null };
    },
  },
];

async function putMembers(milepost: Milepost): Promise<void> {
  const members = [
    { address: "olga@acme.example", name: "Olga", role: "owner", locale: "ru" },
    { address: "max@acme.example", name: "Max", role: "manager" },
  ];
  await milepost.subjects.put([
    { id: "s0", name: "Acme", members },
    { id: "s1", members: members.slice(1) },
  ]);
}
