import type { DeliveryTiming } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal, readJournal } from "../check/journal.js";
import { readTables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import type { LeaverInput, LeaverReport } from "../program/leaver.js";
import { startSink } from "../sink/sink.js";
import { openQueue, type QueueShape } from "../workload/queue.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  rounds: { full: 10, short: 1, what: "SIGTERMs with a grace longer than the calls, and as many with a shorter one" },
  together: { full: 2, short: 2, what: "rounds side by side" },
  inFlight: { full: 50, short: 50, what: "calls under way when SIGTERM comes" },
  claimed: { full: 8, short: 8, what: "messages that are claimed and not marked then" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

// Nothing waits for the end of a lease here: what is given back must be so long before it.
const delivery: Partial<DeliveryTiming> = { lease: 60_000, callDeadline: 30_000, settleMargin: 5_000 };

/** Milliseconds: of the grace, and of each call. */
const trials = [
  { name: "long", grace: 10_000, call: 2_500 },
  { name: "short", grace: 1_000, call: 6_000 },
] as const;
type Trial = (typeof trials)[number];

/** Milliseconds after SIGTERM in which a claim may still begin. */
const lastClaim = 100;
/** Milliseconds after the grace in which the process must have ended. */
const lastEnd = 1_000;

export const shutdown: Scenario = {
  name: "R22",
  title: "SIGTERM with calls under way and rows claimed, with a grace longer than the calls and with a shorter one",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

interface Outcome {
  readonly place: Place;
  readonly trial: Trial;
  readonly code: number | null;
  readonly milliseconds: number;
  readonly lateClaims: number;
  readonly lastClaimAfter: number;
  readonly marked: number;
  /** By state: what had been marked. */
  readonly sent: number;
  readonly ambiguous: number;
  readonly held: number;
  readonly unmarked: number;
  readonly notReturned: number;
  readonly sentNotInSink: number;
  readonly ambiguousAtSink: number;
}

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, verdict } = context;
  const rounds = Array.from({ length: scale.rounds }, (_, round) => trials.map((trial) => ({ round, trial }))).flat();
  const total = rounds.length;
  const outcomes: Outcome[] = [];
  const started = performance.now();
  async function work(): Promise<void> {
    for (let next = rounds.shift(); next !== undefined; next = rounds.shift()) {
      outcomes.push(await terminate(context, next.trial, next.round));
      context.progress(outcomes.length, total);
    }
  }
  const lanes = Array.from({ length: scale.together }, work);
  await Promise.allSettled(lanes);
  await Promise.all(lanes);

  const sum = (of: readonly Outcome[], figure: (outcome: Outcome) => number) =>
    of.reduce((all, outcome) => all + figure(outcome), 0);
  verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
  verdict.exactly("terms", context.faults.read().length, total);
  verdict.exactly("rounds", outcomes.length, total);
  verdict.exactly("badExits", outcomes.filter(({ code }) => code !== 0).length, 0);
  verdict.exactly(
    "claimsAfterTerm",
    sum(outcomes, ({ lateClaims }) => lateClaims),
    0,
  );
  verdict.note("lastClaimAfterTerm", Math.max(...outcomes.map(({ lastClaimAfter }) => lastClaimAfter)));
  verdict.atLeast(
    "unmarkedAtTerm",
    sum(outcomes, ({ unmarked }) => unmarked),
    total,
  );
  verdict.exactly(
    "unmarkedNotReturned",
    sum(outcomes, ({ notReturned }) => notReturned),
    0,
  );
  verdict.exactly(
    "stillHeld",
    sum(outcomes, ({ held }) => held),
    0,
  );
  verdict.exactly(
    "sentNotInSink",
    sum(outcomes, ({ sentNotInSink }) => sentNotInSink),
    0,
  );
  for (const trial of trials) {
    const of = outcomes.filter((outcome) => outcome.trial === trial);
    const name = trial.name === "long" ? "LongGrace" : "ShortGrace";
    verdict.exactly(
      `inFlight${name}`,
      sum(of, ({ marked }) => marked),
      scale.inFlight * of.length,
    );
    verdict.note(
      `sent${name}`,
      sum(of, ({ sent }) => sent),
    );
    verdict.note(
      `ambiguous${name}`,
      sum(of, ({ ambiguous }) => ambiguous),
    );
    verdict.exactly(
      `lost${name}`,
      sum(of, ({ marked, sent, ambiguous }) => marked - sent - ambiguous),
      0,
    );
    verdict.atMost(`exitMilliseconds${name}`, Math.max(...of.map((o) => o.milliseconds)), trial.grace + lastEnd);
  }
  const long = outcomes.filter(({ trial }) => trial.name === "long");
  const short = outcomes.filter(({ trial }) => trial.name === "short");
  verdict.exactly(
    "unsentLongGrace",
    sum(long, ({ marked, sent }) => marked - sent),
    0,
  );
  // a grace that cut nothing off would show nothing
  verdict.exactly(
    "cutOffShortGrace",
    sum(short, ({ ambiguous }) => ambiguous),
    scale.inFlight * short.length,
  );
  verdict.note(
    "ambiguousAtSink",
    sum(short, ({ ambiguousAtSink }) => ambiguousAtSink),
  );
  await checkInvariants(
    outcomes.map(({ place }) => place),
    verdict,
  );
}

async function terminate(context: ScenarioContext<Size>, trial: Trial, round: number): Promise<Outcome> {
  const { scale, places, crew, seed, faults } = context;
  const place = await places.create();
  await installJournal(place);
  const name = `${trial.name}-${round}`;
  const slow = [trial.call, trial.call + 200] as const;
  // half of a call before the message is accepted, half after it
  const half = slow.map((milliseconds) => milliseconds / 2) as unknown as readonly [number, number];
  const sink = await startSink(crew, places.folder, `sink-${name}`, { seed: seed + round, before: half, after: half });
  const shape: QueueShape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 5 };
  const queue = await openQueue(place, shape);
  await queue.shut();
  await queue.fill(scale.inFlight, "marked");
  const leaver = crew.start("leaver", {
    ...shape,
    ...{ place, name, delivery, grace: trial.grace, underWay: scale.inFlight },
    // more free slots than there are messages: whatever stops it from claiming, it is not that
    concurrency: 2 * (scale.inFlight + scale.claimed),
  } satisfies LeaverInput);
  const reports: LeaverReport[] = [];
  let told: () => void = () => {};
  leaver.onMessage((message) => {
    reports.push(message as LeaverReport);
    told();
  });
  const until = async (seen: () => boolean): Promise<void> => {
    while (!seen()) {
      const news = new Promise<void>((resolve) => {
        told = resolve;
      });
      const died = leaver.ended.then(() => {
        throw new Error(`the process ended too early: ${leaver.errors}`);
      });
      await Promise.race([news, died]);
    }
  };
  await queue.open();
  await until(() => reports.some((report) => "sending" in report));
  // they are queued now and not before, so that they are a claim of their own
  await queue.shut();
  const claimed = await queue.fill(scale.claimed, "claimed");
  await queue.open();
  const unmarkedIds = () => reports.flatMap((report) => ("unmarked" in report ? report.unmarked : []));
  await until(() => unmarkedIds().length >= 1);

  const termAt = Date.now();
  const since = performance.now();
  faults.add("SIGTERM", name);
  leaver.signal("SIGTERM");
  const { code } = await leaver.ended;
  const milliseconds = Math.round(performance.now() - since);

  const opened = openPlace(place, { connections: 1 });
  const { notifications } = await readTables(opened.store);
  await opened.close();
  await queue.close();
  const inSink = new Set((await sink.lines()).map(({ notification }) => notification));
  await sink.stop();
  const claims = (await readJournal(place)).filter(({ was, now }) => was === "pending" && now === "leased");
  const unmarked = new Set(unmarkedIds());
  const late = claimed.filter((id) => !unmarked.has(id));
  const marked = notifications.filter(({ id }) => !unmarked.has(id) && !late.includes(id));
  const returned = notifications.filter(({ id }) => unmarked.has(id) || late.includes(id));
  const count = (state: string) => marked.filter((row) => row.state === state).length;
  return {
    ...{ place, trial, code, milliseconds },
    lateClaims: claims.filter(({ at }) => at > termAt + lastClaim).length,
    lastClaimAfter: Math.max(...claims.map(({ at }) => at - termAt)),
    marked: marked.length,
    sent: count("sent"),
    ambiguous: count("ambiguous"),
    held: notifications.filter(({ state }) => state === "leased" || state === "sending").length,
    unmarked: unmarked.size,
    notReturned: returned.filter((row) => row.state !== "pending" || row.attempts > 0 || row.claims > 0).length,
    sentNotInSink: marked.filter(({ id, state }) => state === "sent" && !inSink.has(id)).length,
    ambiguousAtSink: marked.filter(({ id, state }) => state === "ambiguous" && inSink.has(id)).length,
  };
}
