import {
  type AudienceMember,
  type CampaignDefinition,
  campaign,
  type NewCampaignInput,
  type Notifier,
} from "@milepost/core";

/** Where the audience comes from: code that goes on after a cursor; contacts; a stream that who launches it gives. */
export const audienceKinds = ["code", "contacts", "given"] as const;
export type AudienceKind = (typeof audienceKinds)[number];

export const launchedId = "big";
export const person = { by: "chaos", why: "a launch of the run" };

const codeName = "counted";
const message = { subject: "No. {{code}}", text: "Your code is {{code}}." };

/** Where the stream was last asked to go on, and how many members were taken from it; for who watches. */
export interface Taken {
  members: number;
}

/** The members from a number on; each is made when it is asked for. */
export async function* membersFrom(first: number, count: number, taken: Taken): AsyncGenerator<AudienceMember> {
  for (let i = first; i < count; i++) {
    taken.members++;
    yield { address: addressOf(i), name: `P ${i}`, locale: "en", data: { code: `c-${i}` }, cursor: String(i) };
  }
}

export function addressOf(i: number): string {
  return `p${i}@chaos.example`;
}

/** What a process has to have in code to load the audience. */
export function codeOf(
  kind: AudienceKind,
  count: number,
  notifier: Notifier,
  taken: Taken,
): readonly CampaignDefinition[] {
  if (kind !== "code") return [];
  const audience = ({ after }: { readonly after: string | null }) =>
    membersFrom(after === null ? 0 : Number(after) + 1, count, taken);
  return [campaign({ name: codeName, notifier, message, audience })];
}

export function newCampaign(kind: AudienceKind): NewCampaignInput {
  const one = { id: launchedId, ...person };
  if (kind === "code") return { ...one, definition: codeName };
  if (kind === "given") return { ...one, notifier: "sink", message };
  const written = { subject: "No. {{contact.fields.code}}", text: "Your code is {{contact.fields.code}}." };
  return { ...one, notifier: "sink", message: written, audience: { contacts: { all: [] } } };
}
