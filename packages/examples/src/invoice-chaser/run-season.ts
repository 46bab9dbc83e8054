import { type CampaignReport, type Milepost, MilepostError, type Notification } from "@milepost/core";
import { accountKey, accountPlans, addAccounts } from "./accounts.js";
import { audienceOf, createAndLaunch, notices, reminders, statements, withoutOneLink } from "./campaigns.js";
import { type Company, nile, tyne } from "./companies.js";
import { added, eventsOf, hear } from "./heard-of.js";
import { askedByAnother, sightOf } from "./isolation.js";
import { gmailRefreshToken, type MailServers } from "./mail-servers.js";
import { balanceOf, mailsOf, sentThrough } from "./mails.js";
import type { MovedClock } from "./moved-clock.js";
import { moveIn } from "./older-system.js";
import { type Customer, seasonOf } from "./season.js";
import { figuresOf, type Notices, type SeasonReport } from "./season-report.js";
import { type CampaignKey, sendOut } from "./send-out.js";

export interface SeasonRun {
  readonly milepost: Milepost;
  readonly servers: MailServers;
  readonly clock: MovedClock;
  readonly seed: number;
  /** Called with how many mails of the two campaigns were sent, and how many there are. */
  readonly onProgress: (sent: number, all: number) => void;
  readonly signal: AbortSignal;
}

const hour = 3_600_000;
const eightInCairo = new Date("2026-11-05T06:00:00Z");
/** After so many mails somebody revokes what Gmail had granted. */
const mailsOfGmail = 60;

/** A season of two companies, from moving in to the figures. Null once it was stopped. */
export async function runSeason(run: SeasonRun): Promise<SeasonReport | null> {
  const { milepost, servers, clock, seed, signal } = run;
  const customers = new Map([nile, tyne].map((company) => [company, seasonOf(company, seed)]));
  const movedIn: SeasonReport["movedIn"][number][] = [];
  for (const [company, theirs] of customers) movedIn.push({ company, moved: await moveIn(milepost, company, theirs) });
  await addAccounts(milepost, servers);
  const previews = await Promise.all(
    ["en-GB", "ar-EG"].map((locale) => milepost.templates.preview({ tenant: nile.id, name: "reminder", locale })),
  );

  const invoiced = await audienceOf(milepost, nile, customers.get(nile)!);
  const incomplete = await launchedInVain(run, withoutOneLink(invoiced));
  const launched = [
    await createAndLaunch(milepost, reminders, invoiced),
    await createAndLaunch(milepost, statements, await audienceOf(milepost, tyne, customers.get(tyne)!)),
  ];
  const campaigns = [keyOf(reminders), keyOf(statements)];
  servers.of.get("tyne/old")!.refuse();
  const queued = launched.reduce((sum, each) => sum + each.queued, 0);
  const onProgress = (sent: number) => run.onProgress(sent, queued);
  await sendOut(milepost, clock, campaigns, { afterBatch: () => revokeGmail(servers), onProgress, signal });
  if (signal.aborted) return null;
  const ended = await Promise.all(campaigns.map((key) => reportOf(milepost, key)));
  const mails = await mailsOf(milepost, campaigns);
  const accounts = await accountsOf(milepost, servers);
  const story = await triesOfOne(milepost, mails);
  const balance = balanceOf(mails, servers);

  clock.advance(hour);
  const events = [...customers].flatMap(([{ id }, theirs]) =>
    eventsOf(
      id,
      mails.filter(({ tenant }) => tenant === id),
      theirs,
      seed,
    ),
  );
  const first = await hear(milepost, events, seed);
  const suppressions = await suppressionsOf(milepost);
  const { mails: noticed, ...morning } = await nextMorning(run, customers.get(nile)!);
  if (signal.aborted) return null;
  clock.advance(hour);
  const later = await hear(milepost, eventsOf(nile.id, noticed, customers.get(nile)!, seed), seed);

  const began = performance.now();
  const ofNile = await figuresOf(milepost, nile);
  const figuresTook = performance.now() - began;
  const figures = [...ofNile, ...(await figuresOf(milepost, tyne))];
  const totals = figures.filter(({ by }) => by === "all").map((each) => each.figures);
  const counted = {
    opens: totals.reduce((sum, { opens }) => sum + opens, 0),
    clicks: totals.reduce((sum, { clicks }) => sum + clicks, 0),
  };
  const before = await sightOf(milepost, tyne.id);
  const theirs = mails.find(
    ({ tenant, recipient }) => tenant === tyne.id && recipient.address.startsWith("tyne-c008"),
  )!;
  const questions = await askedByAnother(milepost, nile.id, {
    ...{ campaign: statements.id!, template: "statement", account: "old", notification: theirs.id },
    ...{ contact: "tyne-c008", address: theirs.recipient.address },
  });
  const unchanged = (await sightOf(milepost, tyne.id)) === before;
  return {
    ...{ movedIn, previews, incomplete, launched, ended, accounts, balance, story },
    ...{ heard: added(first, later), counted, suppressions, notices: morning },
    ...{ figures, figuresTook, questions, unchanged },
  };
}

const keyOf = ({ tenant = "", id = "" }: { tenant?: string; id?: string }): CampaignKey => ({ tenant, id });

/** Launches a campaign whose audience is not complete: nobody gets anything, and it stays a draft. */
async function launchedInVain(
  { milepost, servers }: SeasonRun,
  audience: Awaited<ReturnType<typeof audienceOf>>,
): Promise<SeasonReport["incomplete"]> {
  const why = await createAndLaunch(milepost, reminders, audience).then(
    () => "nothing",
    (error: unknown) => {
      if (!MilepostError.is(error) || error.code !== "missing_tag") throw error;
      return `${error.code}: ${error.message}`;
    },
  );
  await milepost.runOnce();
  const { counts } = await reportOf(milepost, keyOf(reminders));
  const taken = [...servers.of.values()].reduce((sum, { smtp }) => sum + smtp.messages.length, 0);
  return { why, queued: counts.recipients, taken };
}

function revokeGmail({ of, tokens }: MailServers): void {
  const gmail = of.get("nile/gmail")!;
  if (gmail.smtp.messages.length < mailsOfGmail) return;
  tokens.revoke(gmailRefreshToken);
  gmail.refuse();
}

/** Who has not paid by the next morning is told of all that is overdue. */
async function nextMorning(
  { milepost, clock, signal }: SeasonRun,
  customers: readonly Customer[],
): Promise<Notices & { readonly mails: readonly Notification[] }> {
  clock.advance(eightInCairo.getTime() - clock.now().getTime());
  const audience = await audienceOf(
    milepost,
    nile,
    customers.filter(({ owes }) => owes),
  );
  const launched = await createAndLaunch(milepost, notices, audience);
  const scheduled = await reportOf(milepost, keyOf(notices));
  clock.advance(hour - 60_000);
  await sendOut(milepost, clock, [keyOf(notices)], { signal });
  const ended = await reportOf(milepost, keyOf(notices));
  const mails = await mailsOf(milepost, [keyOf(notices)]);
  const sent = mails.filter(({ state }) => state === "sent").map(({ settledAt }) => settledAt!.getTime());
  return { launched, scheduled, ended, firstAt: new Date(Math.min(...sent)), through: sentThrough(mails), mails };
}

async function reportOf(milepost: Milepost, key: CampaignKey): Promise<CampaignReport> {
  return (await milepost.campaigns.get(key))!;
}

async function accountsOf(milepost: Milepost, { of }: MailServers): Promise<SeasonReport["accounts"]> {
  const views = (await Promise.all([nile, tyne].map(({ id }) => milepost.providers.list({ tenant: id })))).flat();
  return accountPlans.map((plan) => ({
    account: views.find(({ tenant, id }) => tenant === plan.company && id === plan.id)!,
    taken: of.get(accountKey(plan))!.smtp.messages.length,
  }));
}

/** The tries of a mail of Tyne Tools that met the account whose password nobody takes any more, in words. */
async function triesOfOne(milepost: Milepost, mails: readonly Notification[]): Promise<readonly string[]> {
  for (const mail of mails.filter(({ tenant, excused }) => tenant === tyne.id && excused > 0)) {
    const { id, attempts, excused, maxAttempts, notifier } = mail;
    const tries = await milepost.notifications.attempts({ tenant: tyne.id, id });
    if (!tries[0]!.detail?.startsWith("535")) continue;
    const counted = `sent through ${notifier}; ${attempts - excused} of the ${maxAttempts} tries it has is counted`;
    return [...tries.map(({ number, detail }) => `try ${number}: ${detail ?? "accepted"}`), counted];
  }
  return [];
}

async function suppressionsOf(milepost: Milepost): Promise<SeasonReport["suppressions"]> {
  const ofCompany = ({ id }: Company) => milepost.suppressions.list({ tenant: id });
  return (await Promise.all([nile, tyne].map(ofCompany))).flat();
}
