import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt, Notification, Store } from "@milepost/core";
import { atRest, readTables, tenant } from "../check/tables.js";
import { mailFaults as faults, type MailFault, mailPoints } from "../mail/mail-faults.js";
import { readMailLog } from "../mail/mail-log.js";
import { openPlace } from "../place/place.js";
import type { FailingMailServerInput, FailingMailServerReport } from "../program/failing-mail-server.js";
import type { MailSenderInput } from "../program/mail-sender.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  mails: { full: 100, short: 4, what: "mails at each of the twelve points, shared by the faults of the point" },
  concurrency: { full: 40, short: 20, what: "calls at once" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** A second one shows that it is called the same; what is meant to be sent has as many as it takes. */
const attemptsOf = ({ outcomes }: MailFault) => (outcomes.includes("accepted") ? 20 : 2);

/** A mail server that fails at twelve points of a session; the mailer must say of each mail what can be said, and no more. */
export const mailFaults: Scenario = {
  name: "R14",
  title:
    "a mail server is silent, cuts or refuses at twelve points: nothing it took is called not sent, whatever the outcome",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, places, crew, verdict, progress } = context;
  const file = join(places.folder, "mails.log");
  const server = crew.start("failing-mail-server", { file, faults } satisfies FailingMailServerInput);
  const { ports } = await server.next<{ ports: readonly number[] }>();
  const place = await places.create();
  const routes = faults.map((fault, i) => ({
    name: `fault-${i}`,
    port: ports[i]!,
    login: fault.step === "AUTH",
    maxAttempts: attemptsOf(fault),
    mails: Math.ceil(scale.mails / faults.filter(({ point }) => point === fault.point).length),
  }));
  const started = performance.now();
  const sender = crew.start("mail-sender", {
    ...{ place, concurrency: scale.concurrency, routes, patience: 1_500 },
    // what is unavailable counts as an attempt at once: it will not come back
    delivery: { retryBase: 1, retryCap: 5, outageCap: 5, outageLimit: 1, ambiguousHorizon: 10 },
  } satisfies MailSenderInput);
  const mails = routes.reduce((sum, route) => sum + route.mails, 0);
  const opened = openPlace(place, { connections: 2 });
  try {
    await untilSent(opened.store, mails, () => sender.running, progress);
    sender.send({});
    await sender.finished();
    const fired = server.next<FailingMailServerReport>();
    server.send({});
    const report = await fired;
    await server.finished();
    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    const { notifications } = await readTables(opened.store);
    const attempts = await storedAttempts(opened.store, notifications);
    verdict.exactly("mails", notifications.length, mails);
    checkFaults(routes, report, notifications, attempts, context);
    checkLog(readMailLog(file), notifications, attempts, context);
    const takers = routes.filter((_, i) => faults[i]!.takes);
    verdict.exactly(
      "taken",
      readMailLog(file).length,
      takers.reduce((sum, route) => sum + route.mails, 0),
    );
  } finally {
    await opened.close();
  }
}

/** Waits until every mail has come to its end. */
async function untilSent(
  store: Store,
  mails: number,
  alive: () => boolean,
  progress: (done: number, total: number) => void,
): Promise<void> {
  const deadline = performance.now() + 1_800_000;
  for (;;) {
    const { notifications } = await readTables(store);
    const ended = notifications.filter(({ state }) => ["sent", "failed", "unknown"].includes(state)).length;
    progress(ended, mails);
    if (ended === mails && (await atRest(store))) return;
    // whoever ended too early says why when its end is waited for
    if (!alive() || performance.now() > deadline) return;
    await sleep(100);
  }
}

type Attempts = ReadonlyMap<string, readonly Attempt[]>;

async function storedAttempts(store: Store, notifications: readonly Notification[]): Promise<Attempts> {
  const all = new Map<string, readonly Attempt[]>();
  for (const { id } of notifications) all.set(id, await store.notifications.attempts({ tenant, notification: id }));
  return all;
}

/** Each attempt against what it must be called, and each fault against how often it was done. */
function checkFaults(
  routes: MailSenderInput["routes"],
  { fired }: FailingMailServerReport,
  notifications: readonly Notification[],
  attempts: Attempts,
  { verdict, faults: log }: ScenarioContext<Size>,
): void {
  const wrongPoints = new Set<string>();
  let right = 0;
  faults.forEach((fault, i) => {
    const rows = notifications.filter(({ notifier }) => notifier === routes[i]!.name);
    const outcomes = rows.flatMap(({ id }) => attempts.get(id)!.map(({ outcome }) => outcome));
    const times = fired[i] ?? outcomes.length;
    log.add(titleOf(fault), `${times} times`);
    const wrong = outcomes.filter((outcome) => outcome === null || !fault.outcomes.includes(outcome));
    if (wrong.length > 0 || rows.length !== routes[i]!.mails || Math.min(outcomes.length, times) < rows.length) {
      wrongPoints.add(fault.point);
      const found = [...new Set(wrong)].join(", ") || "nothing wrong";
      verdict.fail(`${titleOf(fault)}: ${rows.length} mails, done ${times} times, with ${found} among the outcomes`);
    } else right += outcomes.length;
  });
  verdict.note("attemptsRight", right);
  verdict.exactly("pointsRight", mailPoints.length - wrongPoints.size, 12);
}

const titleOf = ({ point, answer }: MailFault) => `${point}: ${JSON.stringify(answer)}`;

/** What the servers took against what is said of it. */
function checkLog(
  lines: ReturnType<typeof readMailLog>,
  notifications: readonly Notification[],
  attempts: Attempts,
  { verdict }: ScenarioContext<Size>,
): void {
  const taken = new Map<string, number>();
  for (const { messageId } of lines) taken.set(messageId, (taken.get(messageId) ?? 0) + 1);
  const isTaken = ({ messageId }: Notification) => taken.has(messageId ?? "");
  const refused = ({ id }: Notification) => attempts.get(id)!.every(({ outcome }) => outcome?.startsWith("refused"));
  const count = (test: (row: Notification) => boolean) => notifications.filter(test).length;
  verdict.exactly(
    "falselyNotSent",
    count((row) => isTaken(row) && (refused(row) || row.state === "failed")),
    0,
  );
  verdict.exactly(
    "sentNotTaken",
    count((row) => row.state === "sent" && !isTaken(row)),
    0,
  );
  verdict.exactly("duplicated", lines.length - taken.size, 0);
  const known = new Set(notifications.map(({ messageId }) => messageId));
  verdict.exactly("unexpected", [...taken.keys()].filter((messageId) => !known.has(messageId)).length, 0);
  verdict.exactly(
    "unfinished",
    count(({ state }) => !["sent", "failed", "unknown"].includes(state)),
    0,
  );
  verdict.exactly(
    "withoutReason",
    count(({ state, reason }) => state !== "sent" && reason === null),
    0,
  );
  verdict.note(
    "sent",
    count(({ state }) => state === "sent"),
  );
  verdict.note(
    "failed",
    count(({ state }) => state === "failed"),
  );
  verdict.note(
    "unknown",
    count(({ state }) => state === "unknown"),
  );
  verdict.note(
    "unknownThatWereTaken",
    count((row) => row.state === "unknown" && isTaken(row)),
  );
}
