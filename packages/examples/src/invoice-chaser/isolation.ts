import { type Milepost, MilepostError } from "@milepost/core";

/** What somebody of one company asks with the real ids of another, and what is answered. */
export interface Question {
  readonly call: string;
  readonly answer: string;
  /** Whether nothing of the other company's was answered or changed. */
  readonly refused: boolean;
}

/** Ids of things that the other company has. */
export interface OthersIds {
  readonly campaign: string;
  readonly template: string;
  readonly account: string;
  readonly contact: string;
  readonly address: string;
  readonly notification: string;
}

/** Asks as `tenant` for what is another's. */
export async function askedByAnother(
  milepost: Milepost,
  tenant: string,
  others: OthersIds,
): Promise<readonly Question[]> {
  const acting = { tenant, by: "ann", why: "curious" };
  const { campaign: id, template: name, account, contact, address, notification } = others;
  const calls: readonly [call: string, asked: () => Promise<unknown>][] = [
    ["campaigns.get", () => milepost.campaigns.get({ tenant, id })],
    ["campaigns.pause", () => milepost.campaigns.pause({ ...acting, id })],
    ["campaigns.cancel", () => milepost.campaigns.cancel({ ...acting, id })],
    ["templates.get", () => milepost.templates.get({ tenant, name })],
    ["templates.archive", () => milepost.templates.archive({ ...acting, name })],
    ["providers.pause", () => milepost.providers.pause({ ...acting, id: account })],
    ["providers.remove", () => milepost.providers.remove({ ...acting, id: account })],
    ["contacts.get", () => milepost.contacts.get({ tenant, id: contact })],
    ["contacts.remove", () => milepost.contacts.remove({ ...acting, filter: { id: contact } })],
    ["suppressions.list", () => milepost.suppressions.list({ tenant, address })],
    ["suppressions.release", () => milepost.suppressions.release({ ...acting, address })],
    ["notifications.list", () => milepost.notifications.list({ tenant, source: { kind: "campaign", id } })],
    ["notifications.attempts", () => milepost.notifications.attempts({ tenant, id: notification })],
    ["notifications.retry", () => milepost.notifications.retry({ ...acting, id: notification })],
    ["deliveryEvents.list", () => milepost.deliveryEvents.list({ tenant, notification })],
    ["deliveryEvents.facts", () => milepost.deliveryEvents.facts({ tenant, notifications: [notification] })],
    [
      "deliveryEvents.record",
      async () => {
        const event = { tenant, source: "provider", id: "curious", type: "complained", notification } as const;
        const { recorded, unmatched } = await milepost.deliveryEvents.record(event);
        return recorded === unmatched ? [] : recorded;
      },
    ],
    ["engagement", async () => (await milepost.engagement({ tenant, by: "campaign", campaigns: [id] })).rows],
  ];
  const questions: Question[] = [];
  for (const [call, asked] of calls) {
    const answer = await asked().then(shown, (error: unknown) => {
      if (!MilepostError.is(error)) throw error;
      return error.code;
    });
    questions.push({ call, answer, refused: answers.has(answer) });
  }
  return questions;
}

const answers: ReadonlySet<string> = new Set(["nothing", "not_found", "0 changed"]);

function shown(answer: unknown): string {
  if (answer === null || answer === false || (Array.isArray(answer) && answer.length === 0)) return "nothing";
  if (typeof answer === "object" && Object.values(answer).every((value) => value === 0)) return "0 changed";
  return JSON.stringify(answer);
}

/** All that may be seen of a company's campaigns, accounts, contacts and figures, to be compared. */
export async function sightOf(milepost: Milepost, tenant: string): Promise<string> {
  const seen = [
    milepost.campaigns.list({ tenant }),
    milepost.templates.list({ tenant }),
    milepost.providers.list({ tenant }),
    milepost.contacts.list({ tenant, limit: 1_000 }),
    milepost.suppressions.list({ tenant }),
    milepost.engagement({ tenant, by: "template" }),
  ];
  return JSON.stringify(await Promise.all(seen));
}
