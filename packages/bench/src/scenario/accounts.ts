import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type AddProvider, createMilepost, keyRing, type Milepost, type Store } from "@milepost/core";
import { smtpTestServer, tokenTestServer } from "@milepost/mailer/testing";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import type { Child } from "../process/crew.js";
import type { AccountSenderInput } from "../program/account-sender.js";
import { accountMetric, accountMilestone } from "../workload/account-milestone.js";
import { type FastClock, fastNow } from "../workload/fast-clock.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  quota: { full: 500, short: 30, what: "messages a day of each of three accounts" },
  days: { full: 4, short: 3, what: "of a clock that goes faster; the second has 25 hours" },
  daySeconds: { full: 15, short: 5, what: "seconds that one of its days takes" },
  processes: { full: 8, short: 8, what: "that send" },
  concurrency: { full: 10, short: 3, what: "messages that a process sends side by side" },
  tokenSeconds: { full: 60, short: 6, what: "seconds for which tokens are renewed" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const day = 86_400_000;
const zone = "Europe/Berlin";
/** Local midnight one day before clocks go back in that zone. */
const start = Date.parse("2026-10-23T22:00:00Z");
const person = { by: "chaos", why: "an account of the run" };

export const accounts: Scenario = {
  name: "accounts",
  title: "8 processes send through accounts: no quota is passed, one refresh for all, one that fails costs nothing",
  stores: ["postgres", "sqlite"],
  sizes,
  async run(context: ScenarioContext<Size>) {
    await quotas(context);
    await tokens(context);
  },
};

interface Run {
  readonly place: Place;
  readonly milepost: Milepost;
  readonly store: Store;
  readonly input: AccountSenderInput;
  close(): Promise<void>;
}

async function opened(
  { places, scale }: ScenarioContext<Size>,
  servers: { readonly mailPort: number; readonly tokenUrl: string },
  more: Pick<AccountSenderInput, "delivery" | "renewBefore" | "sendTimeout">,
  now?: () => Date,
): Promise<Run> {
  const place = await places.create();
  await installJournal(place);
  const { store, close } = openPlace(place, { connections: 2 });
  const keys = { k1: randomBytes(32).toString("base64") };
  const input = { ...servers, ...more, place, keys, concurrency: scale.concurrency };
  const runtime = now && { now };
  const milepost = createMilepost({
    store,
    keyRing: keyRing({ current: "k1", keys }),
    milestones: [accountMilestone(input, runtime)],
    ...(runtime && { runtime }),
  });
  return {
    ...{ place, milepost, store, input },
    async close() {
      await milepost.close();
      await close();
    },
  };
}

const password = (id: string, port: number, fields: Partial<AddProvider> = {}): AddProvider => ({
  ...{ id, kind: "smtp", sender: { address: `${id}@chaos.example` }, ...person },
  credentials: { type: "password", user: id, password: `password-of-${id}` },
  settings: { host: "127.0.0.1", port, requireTLS: false },
  ...fields,
});

/** The processes, all of which are there. */
async function atWork({ crew, scale }: ScenarioContext<Size>, input: AccountSenderInput): Promise<readonly Child[]> {
  const senders = Array.from({ length: scale.processes }, () => crew.start("account-sender", input));
  await Promise.all(senders.map((sender) => sender.next()));
  return senders;
}

/** Days that go by fast, more messages than all quotas allow, and a server that refuses some. */
async function quotas(context: ScenarioContext<Size>): Promise<void> {
  const { scale, faults, verdict, progress } = context;
  let heard = 0;
  let revoked = false;
  const server = await smtpTestServer({
    extensions: ["AUTH PLAIN"],
    answer(step, line) {
      if (step === "RCPT" && ++heard % 10 === 0) return "451 4.3.0 try later";
      const login = Buffer.from(line.split(" ")[2] ?? "", "base64").toString();
      return step === "AUTH" && revoked && login.includes("second") ? "535 5.7.8 no" : undefined;
    },
  });
  const speed = day / (scale.daySeconds * 1_000);
  const delivery = {
    // by the fast clock; a call's deadline goes by the machine's
    ...{ lease: Math.round(3_000 * speed), retryBase: 60_000, retryCap: 600_000, ambiguousHorizon: 60_000 },
    ...{ callDeadline: 1_500, settleMargin: 300, maxClaims: 50 },
  };
  let clock: FastClock = { start, from: Number.POSITIVE_INFINITY, speed };
  const now = () => (clock.from > Date.now() ? new Date(start) : fastNow(clock));
  const servers = { mailPort: server.port, tokenUrl: "http://127.0.0.1:9/token" };
  const run = await opened(context, servers, { delivery, renewBefore: 0, sendTimeout: 1_200 }, now);
  const total = scale.quota * 3 * (scale.days + 1);
  try {
    const quota = { count: scale.quota, per: `day:${zone}` } as const;
    for (const [order, id] of ["first", "second", "third"].entries()) {
      await run.milepost.providers.add(password(id, server.port, { order, quota }));
    }
    await run.milepost.record({ id: "crowd", metric: accountMetric, subject: "quota", amount: total });
    const senders = await atWork(context, run.input);
    clock = { ...clock, from: Date.now() };
    for (const sender of senders) sender.send({ clock });
    const end = start + scale.days * day;
    while (fastNow(clock).getTime() < end) {
      if (!revoked && fastNow(clock).getTime() > start + 1.5 * day) {
        revoked = true;
        server.cutAll();
        faults.add("revoke", "the second account's password");
      }
      progress(Math.max(0, fastNow(clock).getTime() - start), end - start);
      await sleep(10);
    }
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));

    const perDay = await takenPerDay(run.place);
    verdict.atMost("quotaMost", Math.max(...perDay.values()), scale.quota);
    verdict.atLeast("quotaFullDays", [...perDay.values()].filter((taken) => taken >= scale.quota * 0.8).length, 3);
    const recipients = server.messages.flatMap((message) => message.recipients);
    verdict.exactly("quotaDuplicated", recipients.length - new Set(recipients).size, 0);
    verdict.note("quotaSent", recipients.length);
    const { notifications } = await readTables(run.store);
    verdict.exactly("quotaLost", total - notifications.length, 0);
    const failed = notifications.filter(({ state }) => state === "failed").length;
    verdict.exactly("quotaFailed", failed, 0);
    const lanes = new Set(notifications.filter(({ state }) => state === "sent").map(({ notifier }) => notifier));
    verdict.atLeast("quotaAccountsUsed", lanes.size, 2);
    // but for I11: processes that go by a clock of their own say when they asked, and not when they were let in
    const { checks } = await run.store.verify({ only: ["I2", "I4", "I5", "I7", "I8", "I9", "I10", "I12", "I16"] });
    verdict.exactly("quotaVerifyFinds", checks.filter(({ violations }) => violations.length > 0).length, 0);
  } finally {
    await run.close();
    await server.close();
  }
}

/** Tokens that are soon over, a server that gives a new refresh token each time and is slow, and one grant that is revoked. */
async function tokens(context: ScenarioContext<Size>): Promise<void> {
  const { scale, faults, verdict, progress } = context;
  const server = await smtpTestServer({ extensions: ["AUTH PLAIN XOAUTH2"] });
  const grants = await tokenTestServer({
    ...{ refreshTokens: ["refresh-0"], rotates: true, expiresIn: 3 },
    answer: async ({ number }) => {
      await sleep(150);
      return number % 3 === 0 ? { status: 503, body: "" } : undefined;
    },
  });
  const delivery = { lease: 30_000, callDeadline: 12_000, retryBase: 200, retryCap: 1_000, outageCap: 1_000 };
  const servers = { mailPort: server.port, tokenUrl: grants.url };
  const run = await opened(context, servers, { delivery, renewBefore: 1_500, sendTimeout: 10_000 });
  const crowd = 60;
  try {
    const credentials = { type: "oauth2", user: "u", clientId: "c", refreshToken: "refresh-0" } as const;
    const gmail = { id: "gmail", kind: "gmail", sender: { address: "u@chaos.example" }, ...person, credentials };
    await run.milepost.providers.add({ ...gmail, quota: null });
    await run.milepost.providers.add(password("spare", server.port, { order: 1, quota: null }));
    const senders = await atWork(context, run.input);
    for (const sender of senders) sender.send({});
    const ends = performance.now() + scale.tokenSeconds * 1_000;
    let crowds = 0;
    const renewed = () => grants.accessTokens.length >= 3;
    const patience = ends + 60_000;
    for (; performance.now() < ends || (!renewed() && performance.now() < patience); crowds++) {
      await run.milepost.record({ id: `c${crowds}`, metric: accountMetric, subject: `t${crowds}`, amount: crowd });
      progress(crowds * crowd, 0);
      await sleep(250);
    }
    const rotated = grants.requests.length;
    const [account] = await run.milepost.providers.list();
    verdict.note("tokenRequests", rotated);
    verdict.exactly("tokenAccountFailed", account!.state === "failing" ? 1 : 0, 0);
    // none was used again after it had been exchanged
    const used = grants.requests.filter(({ number }) => number % 3 !== 0).map(({ refreshToken }) => refreshToken);
    verdict.exactly("tokenUsedTwice", used.length - new Set(used).size, 0);
    verdict.atLeast("tokenRenewals", grants.accessTokens.length, 3);
    for (const token of grants.refreshTokens) grants.revoke(token);
    faults.add("revoke", "the grant");
    await run.milepost.record({ id: "last", metric: accountMetric, subject: "last", amount: crowd });
    const deadline = performance.now() + 60_000;
    const isLate = () => performance.now() > deadline;
    // the token that is in hand may last for a while: wait until it was asked for anew, and refused
    const isFailing = async () => (await run.milepost.providers.list())[0]!.state === "failing";
    for (let more = 0; !(await isFailing()) && !isLate(); more++) {
      await run.milepost.record({ id: `m${more}`, metric: accountMetric, subject: `m${more}`, amount: 1 });
      crowds += 1 / crowd;
      await sleep(100);
    }
    while (!(await atRest(run.store)) && !isLate()) await sleep(20);
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    const { notifications } = await readTables(run.store);
    verdict.exactly("tokenLost", notifications.filter(({ state }) => state !== "sent").length, 0);
    verdict.exactly("tokenTold", notifications.length, Math.round((crowds + 1) * crowd));
    const recipients = server.messages.flatMap((message) => message.recipients);
    verdict.exactly("tokenDuplicated", recipients.length - new Set(recipients).size, 0);
    verdict.exactly("tokenNotTaken", notifications.length - recipients.length, 0);
    const [after] = await run.milepost.providers.list();
    verdict.exactly("tokenRevokedFails", after!.state === "failing" ? 1 : 0, 1);
    await checkInvariants([run.place], verdict);
  } finally {
    await run.close();
    await server.close();
    await grants.close();
  }
}

/** Calls that an account's quota counts, by account and local day of their start. */
async function takenPerDay(place: Place): Promise<ReadonlyMap<string, number>> {
  const raw = openRawTables(place);
  const dates = new Intl.DateTimeFormat("en-CA", { timeZone: zone });
  try {
    const rows = await raw.all<{ started_at: string | Date; notifier: string }>(
      `SELECT a.started_at, n.notifier FROM ${raw.table("attempts")} a JOIN ${raw.table("notifications")} n
       ON n.tenant = a.tenant AND n.id = a.notification WHERE coalesce(a.outcome, '') <> 'refused_transient'`,
    );
    const counts = new Map<string, number>();
    for (const { started_at: at, notifier } of rows) {
      const key = `${notifier} ${dates.format(new Date(at))}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  } finally {
    await raw.close();
  }
}
