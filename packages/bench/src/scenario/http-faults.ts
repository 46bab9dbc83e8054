import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt, Notification } from "@milepost/core";
import { readTables, tenant } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import type { HttpCall, HttpSinkInput, HttpSinkOrder } from "../program/http-sink.js";
import type { HttpWorkerInput, HttpWorkerOrder, HttpWorkerReport } from "../program/http-worker.js";
import { readSinkLog, type SinkLine } from "../sink/sink-log.js";
import { type HttpFault, type HttpPorts, httpFaults, httpModes, ownTime } from "../workload/http-faults.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  subjects: { full: 30, short: 3, what: "notifications of each fault and mode" },
  timed: { full: 3, short: 1, what: "more of each, one after the other, of which times are taken" },
  concurrency: { full: 150, short: 60, what: "calls at once" },
  deadline: { full: 10_000, short: 5_000, what: "milliseconds that the engine gives a call" },
  retryAfter: { full: 10, short: 1, what: "seconds of Retry-After" },
  mostLate: {
    full: 10,
    short: 0,
    what: "percent of Retry-After by which a retry may come later",
    zero: "not looked at",
  },
  mostOff: {
    full: 250,
    short: 0,
    what: "milliseconds by which the end of a hanging call may miss its deadline",
    zero: "not looked at",
  },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** Milliseconds after which something that should come to an end counts as stuck. */
const patience = 120_000;

/** An API over HTTP fails in eleven ways, and a real process on the other side of a real socket sees what was done about it. */
export const httpFaultsScenario: Scenario = {
  name: "R15",
  title: "an API over HTTP resets, hangs, lies and asks for patience; in at-most-once and idempotent",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, places, crew, faults, verdict, progress } = context;
  const place = await places.create();
  const file = join(places.folder, "http-sink.log");
  const { retryAfter, concurrency, deadline } = scale;
  const sink = crew.start("http-sink", { file, faultFile: faults.file, retryAfter } satisfies HttpSinkInput);
  const ports = await sink.next<HttpPorts>();
  const input: HttpWorkerInput = { place, ports, concurrency, callDeadline: deadline };
  const worker = crew.start("http-worker", input);
  await worker.next();
  const order = (subjects: readonly string[]) => worker.send({ subjects } satisfies HttpWorkerOrder);
  const opened = openPlace(place, { connections: 1 });
  try {
    const { store } = opened;
    const read = async () => (await readTables(store)).notifications;
    const total = kinds * (scale.subjects + scale.timed);
    const allEnded = (of: number) =>
      until("the end of all deliveries", async () => {
        const notifications = await read();
        const ended = notifications.filter(({ state }) => state === "sent" || state === "ambiguous");
        progress(ended.length, total);
        return ended.length === of || notifications.some(({ state }) => state === "failed" || state === "unknown");
      });

    order(named("subject", scale.subjects));
    // every one of them has met the closed door before it opens
    await until("a refused connection for each notification", async () => {
      const knocked = (await read()).filter((row) => faultOf(row) === closedDoor && row.excused > 0);
      return knocked.length === httpModes.length * scale.subjects;
    });
    const listening = sink.next();
    sink.send({ do: "listen" } satisfies HttpSinkOrder);
    await listening;
    await allEnded(kinds * scale.subjects);
    // One by one, so that times are not those of a machine that has too much to do; and a lane waits with all that is in
    // it, so that a second one would be told to wait when the first one is due.
    for (const [i, subject] of named("timed", scale.timed).entries()) {
      order([subject]);
      await allEnded(kinds * (scale.subjects + i + 1));
    }
    // who would call once more has had the time to
    await sleep(1_000);
    const workerEnds = worker.next<HttpWorkerReport>();
    order([]);
    const { unhandled } = await workerEnds;
    await worker.finished();
    const sinkEnds = sink.next<{ readonly calls: readonly HttpCall[] }>();
    sink.send({ do: "stop" } satisfies HttpSinkOrder);
    const { calls } = await sinkEnds;
    await sink.finished();

    const notifications = await read();
    const attempts = (
      await Promise.all(notifications.map(({ id }) => store.notifications.attempts({ tenant, notification: id })))
    ).flat();
    verdict.exactly("unhandledRejections", unhandled, 0);
    verdict.exactly("notifications", notifications.length, total);
    checkFaults(context, attempts);
    checkEnds(context, notifications, calls, await readSinkLog(file));
    const told = JSON.stringify([attempts, notifications.map(({ detail, receipt }) => [detail, receipt])]);
    verdict.exactly("secretsTold", told.split(/canary|chaos\.example|127\.0\.0\.1/).length - 1, 0);
    const timed = notifications.filter(({ recipient }) => recipient.address.startsWith("timed-"));
    checkRetries(context, timed, calls);
    checkDeadlines(context, timed, attempts, calls);
  } finally {
    await opened.close();
  }
}

const kinds = httpFaults.length * httpModes.length;
const closedDoor = httpFaults.find(({ name }) => name === "refused-connection")!;

function named(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${name}-${i}`);
}

/** Every fault fired: once for each notification that it was meant for. */
function checkFaults({ scale, faults, verdict }: ScenarioContext<Size>, attempts: readonly Attempt[]): void {
  const refused = attempts.filter(({ detail }) => /^not sent: (ECONNREFUSED|no connection)/.test(detail ?? "")).length;
  verdict.atLeast("refusedConnections", refused, httpModes.length * scale.subjects);
  const fired = faults.read();
  for (const { name } of httpFaults.filter((each) => each !== closedDoor)) {
    const count = fired.filter(({ fault }) => fault === name).length;
    const wanted = httpModes.length * (scale.subjects + scale.timed);
    if (count !== wanted) verdict.fail(`${name} fired ${count} times, not ${wanted}`);
  }
  verdict.note("faults", fired.length + refused);
}

function checkEnds(
  { scale, verdict }: ScenarioContext<Size>,
  notifications: readonly Notification[],
  calls: readonly HttpCall[],
  log: readonly SinkLine[],
): void {
  const copies = new Map<string, number>();
  for (const { notification } of log) copies.set(notification, (copies.get(notification) ?? 0) + 1);
  const wrong = notifications.filter((row) => !isAsItMustBe(row, copies.get(row.id) ?? 0, callsOf(calls, row.id)));
  verdict.exactly("wrongEnds", wrong.length, 0);
  for (const { notifier, state, detail, id } of wrong.slice(0, 5)) {
    verdict.fail(`${notifier}: ${state}, ${copies.get(id) ?? 0} at the sink: ${detail}`);
  }
  const ids = new Set(notifications.map(({ id }) => id));
  verdict.exactly("duplicated", log.length - copies.size, 0);
  verdict.exactly("unexpected", log.filter(({ notification }) => !ids.has(notification)).length, 0);
  const missing = notifications.filter(({ id }) => !copies.has(id));
  verdict.exactly("lost", missing.filter(({ state }) => state !== "ambiguous").length, 0);
  verdict.exactly("sentNotInSink", missing.filter(({ state }) => state === "sent").length, 0);
  const unclear = httpFaults.filter(({ known }) => known === "unclear").length * (scale.subjects + scale.timed);
  verdict.exactly("ambiguous", notifications.filter(({ state }) => state === "ambiguous").length, unclear);
}

function callsOf(calls: readonly HttpCall[], id: string): readonly HttpCall[] {
  return calls.filter(({ notification }) => notification === id);
}

const faultOf = ({ notifier }: Notification): HttpFault =>
  httpFaults.find(({ name }) => notifier.startsWith(`${name} `))!;

/**
 * An unclear end is never called again in at-most-once, and stays as it is; with a key it is, until it is known. Everything
 * else is at the sink once.
 */
function isAsItMustBe(row: Notification, copies: number, calls: readonly HttpCall[]): boolean {
  const { known, taken } = faultOf(row);
  if (known === "unclear" && row.mode === "at-most-once") {
    return row.state === "ambiguous" && calls.length === 1 && copies === (taken ? 1 : 0);
  }
  const again = known === "unclear" || known === "no";
  return (
    row.state === "sent" &&
    copies === 1 &&
    (again || calls.length === 1) &&
    (row.receipt === null) === (known === "yes")
  );
}

/** From the first call of a notification that was told to wait to the second one. */
function checkRetries(
  { scale, verdict }: ScenarioContext<Size>,
  timed: readonly Notification[],
  calls: readonly HttpCall[],
): void {
  const patient = timed.filter((row) => ["status-503", "status-429"].includes(faultOf(row).name));
  const waits = patient.map(({ id }) => {
    const [first, second] = callsOf(calls, id);
    return second === undefined ? Number.NaN : second.at - first!.at;
  });
  const asked = scale.retryAfter * 1_000;
  // the clocks of two processes are rounded on their own
  verdict.exactly("retriesTooEarly", waits.filter((wait) => !(wait >= asked - 20)).length, 0);
  const latest = Math.round((Math.max(...waits) / asked - 1) * 1_000) / 10;
  if (scale.mostLate > 0) verdict.atMost("latestRetryPercent", latest, scale.mostLate);
  else verdict.note("latestRetryPercent", latest);
}

/**
 * When the connection of a call that is never answered was closed. The call began between its mark and its arrival, so it is
 * off by what it ended before the one, or after the other, plus the deadline.
 */
function checkDeadlines(
  { scale, verdict }: ScenarioContext<Size>,
  timed: readonly Notification[],
  attempts: readonly Attempt[],
  calls: readonly HttpCall[],
): void {
  const deadlines = { "hang-own-time": ownTime, "hang-deadline": scale.deadline };
  const off = Object.entries(deadlines).flatMap(([name, deadline]) => {
    const held = timed
      .filter((row) => faultOf(row).name === name)
      .flatMap(({ id }) => callsOf(calls, id).filter(({ closedAt }) => closedAt !== null));
    if (held.length !== httpModes.length * scale.timed) verdict.fail(`${name}: ${held.length} calls were ended`);
    return held.map(({ notification, at, closedAt }) => {
      const first = attempts.find((each) => each.notification === notification && each.number === 1)!;
      const [soonest, latest] = [first.startedAt.getTime() + deadline, at + deadline];
      return Math.max(0, soonest - closedAt!, closedAt! - latest);
    });
  });
  const worst = Math.max(...off);
  if (scale.mostOff > 0) verdict.atMost("deadlineOffMilliseconds", worst, scale.mostOff);
  else verdict.note("deadlineOffMilliseconds", worst);
}

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await reached())) {
    if (performance.now() - started > patience) throw new Error(`${what}: not within ${patience / 1_000} s`);
    await sleep(100);
  }
}
