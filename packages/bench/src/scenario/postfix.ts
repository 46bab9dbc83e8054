import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, type Notification } from "@milepost/core";
import { atRest, readTables } from "../check/tables.js";
import { type DeliveredMail, deliveredMail } from "../mail/delivered-mail.js";
import { postfixDomain, startPostfix } from "../mail/postfix.js";
import { localeOf, postfixLink, postfixMetric, postfixMilestone, postfixSubject } from "../mail/postfix-milestone.js";
import { openPlace, type Place } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { PostfixSenderInput } from "../program/postfix-sender.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";
import type { Verdict } from "./verdict.js";

const sizes = {
  mails: { full: 5_000, short: 150, what: "mails, to one mailbox each" },
  kills: { full: 60, short: 4, what: "workers killed while they send" },
  workers: { full: 3, short: 2, what: "workers" },
  concurrency: { full: 10, short: 5, what: "calls at once, of each worker" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** Enough for a machine under load, and soon over. */
const timing = {
  lease: 6_000,
  callDeadline: 5_000,
  settleMargin: 500,
  retryBase: 50,
  retryCap: 500,
  ambiguousHorizon: 10,
};

/** A real mail server, real mailboxes, and a reader of mail that has nothing to do with whoever wrote it. */
export const postfix: Scenario = {
  name: "postfix",
  title:
    "workers are killed while they send through Debian's Postfix: at most one mail in each mailbox, and what is sent is there",
  needs: "root on Debian, where it installs the package postfix if that is missing, and python3",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, places, verdict } = context;
  const subjects = Array.from({ length: scale.mails }, (_, n) => `s${n}`);
  const server = await startPostfix(subjects);
  try {
    const place = await places.create();
    await record(place, server.port, subjects);
    const started = performance.now();
    await sendUnderKills(context, place, server.port);
    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    await server.drained();
    const mails = await deliveredMail(server.maildirs);
    const opened = openPlace(place, { connections: 1 });
    try {
      const { notifications } = await readTables(opened.store);
      checkBoxes(notifications, mails, context);
      checkMessages(notifications, mails, verdict);
    } finally {
      await opened.close();
    }
  } finally {
    await server.stop();
  }
}

async function record(place: Place, port: number, subjects: readonly string[]): Promise<void> {
  const opened = openPlace(place);
  const milepost = createMilepost({ store: opened.store, milestones: [postfixMilestone(port)] });
  await milepost.recordMany(subjects.map((subject) => ({ id: subject, metric: postfixMetric, subject })));
  await milepost.close();
  await opened.close();
}

/** Kills one worker after another, at random moments of the sending, and starts another in its place. */
async function sendUnderKills(context: ScenarioContext<Size>, place: Place, port: number): Promise<void> {
  const { scale, seed, crew, faults, progress } = context;
  const random = seededRandom(seed);
  const input: PostfixSenderInput = { place, port, concurrency: scale.concurrency, delivery: timing };
  const workers: Child[] = Array.from({ length: scale.workers }, () => crew.start("postfix-sender", input));
  const opened = openPlace(place, { connections: 1 });
  try {
    const ended = async () => {
      const { notifications } = await readTables(opened.store);
      return notifications.filter(({ state }) => ["sent", "failed", "unknown", "ambiguous"].includes(state)).length;
    };
    for (let kill = 1; kill <= scale.kills; kill++) {
      // each at its share of the work, so that all of them fall into it; the last ones before its end
      const share = ((kill - random()) / (scale.kills + 1)) * scale.mails;
      for (let done = await ended(); done < share; done = await ended()) {
        progress(done, scale.mails);
        await sleep(20);
      }
      await sleep(random() * 50);
      const at = Math.floor(random() * workers.length);
      await workers[at]!.kill();
      faults.add("kill", `worker ${at}`);
      workers[at] = crew.start("postfix-sender", input);
    }
    const deadline = performance.now() + 600_000;
    while (!((await ended()) >= scale.mails && (await atRest(opened.store))) && performance.now() < deadline) {
      progress(await ended(), scale.mails);
      await sleep(100);
    }
    for (const worker of workers) worker.send({});
    for (const worker of workers) await worker.finished();
  } finally {
    await opened.close();
  }
}

/** What lies in the mailboxes against what the store says of it. */
function checkBoxes(
  notifications: readonly Notification[],
  mails: readonly DeliveredMail[],
  { scale, faults, verdict }: ScenarioContext<Size>,
): void {
  const inBox = new Map<string, number>();
  for (const { box } of mails) inBox.set(box, (inBox.get(box) ?? 0) + 1);
  const count = (test: (row: Notification, copies: number) => boolean) =>
    notifications.filter((row) => test(row, inBox.get(boxOf(row)) ?? 0)).length;
  verdict.exactly("kills", faults.read().length, scale.kills);
  verdict.exactly("notifications", notifications.length, scale.mails);
  verdict.note("mailsInBoxes", mails.length);
  verdict.exactly("boxesWithTwo", [...inBox.values()].filter((copies) => copies > 1).length, 0);
  verdict.exactly(
    "sentNotInItsBox",
    count(({ state }, copies) => state === "sent" && copies !== 1),
    0,
  );
  verdict.exactly(
    "lost",
    count(({ state, reason }, copies) => copies === 0 && !(state === "unknown" && reason !== null)),
    0,
  );
  verdict.exactly(
    "inABoxButNotSent",
    count(({ state }, copies) => copies > 0 && state !== "sent" && state !== "unknown"),
    0,
  );
  verdict.exactly("unexpected", mails.length - count((_, copies) => copies > 0), 0);
  const unknown = count(({ state }) => state === "unknown");
  verdict.atMost("unknown", unknown, scale.kills * scale.concurrency);
  verdict.note(
    "unknownInItsBox",
    count(({ state }, copies) => state === "unknown" && copies > 0),
  );
  verdict.note(
    "sent",
    count(({ state }) => state === "sent"),
  );
}

const boxOf = ({ recipient }: Notification) => recipient.address.split("@")[0]!;

/** Each message, as another reader of mail sees it, against what it was made of. */
function checkMessages(
  notifications: readonly Notification[],
  mails: readonly DeliveredMail[],
  verdict: Verdict,
): void {
  const rows = new Map(notifications.map((row) => [boxOf(row), row]));
  const wrong = mails.flatMap((mail) => {
    const row = rows.get(mail.box);
    const problems = row === undefined ? ["no notification"] : problemsOf(mail, row);
    return problems.map((problem) => `${mail.box}: ${problem}`);
  });
  verdict.exactly("wrongMessages", wrong.length, 0);
  for (const problem of wrong.slice(0, 5)) verdict.fail(problem);
}

/** Of each header exactly one, with this value. */
function problemsOf({ headers, to, box, type, text, html, defects }: DeliveredMail, row: Notification): string[] {
  const address = `${box}@${postfixDomain}`;
  const locale = localeOf(box);
  const wanted: Readonly<Record<string, string | undefined>> = {
    "message-id": row.messageId!,
    subject: postfixSubject(box),
    from: `Milepost <milepost@${postfixDomain}>`,
    "return-path": `<milepost@${postfixDomain}>`,
    "delivered-to": address,
    "auto-submitted": "auto-generated",
    "list-unsubscribe": `<${postfixLink(row.id)}>`,
    "list-unsubscribe-post": "List-Unsubscribe=One-Click",
    "mime-version": "1.0",
    "content-language": locale,
    bcc: undefined,
    cc: undefined,
  };
  const problems = [...defects];
  for (const [name, value] of Object.entries(wanted)) {
    const found = headers.filter(([header]) => header === name).map(([, each]) => each);
    if (found.join("\n") !== (value ?? "")) problems.push(`${name} is ${JSON.stringify(found)}`);
  }
  if (headers.filter(([name]) => name === "date").length !== 1) problems.push("not one date");
  if (to.join() !== address) problems.push(`to is ${to.join()}`);
  if (type !== "multipart/alternative") problems.push(`type is ${type}`);
  if (!text?.includes(`Grüße an ${box}.`)) problems.push("another text");
  if (!html?.includes(`<p>Grüße an <b>${box}</b>.</p>`)) problems.push("another html");
  const direction = locale === "ar" ? 'dir="rtl"' : 'dir="ltr"';
  if (locale !== undefined && !html?.includes(`<html lang="${locale}" ${direction}>`))
    problems.push("another language");
  return problems;
}
