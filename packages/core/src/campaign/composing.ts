import type { NewNotification } from "../delivery/notification.js";
import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import { plainJson, plainObject } from "../json.js";
import { type CompiledTemplate, missingTags } from "../message/template.js";
import { named, type Recipient, recipientKey } from "../recipient/recipient.js";
import { synchronous } from "../recipient/resolved.js";
import type { RewrittenNotification } from "../store/campaign-repository.js";
import { type AudienceMember, memberPath, parseMember } from "./audience-member.js";
import type { Campaign } from "./campaign.js";
import { type CampaignContent, contentOf } from "./content.js";
import { Messages } from "./messages.js";
import { spanFrom } from "./window.js";
import { zoneOf } from "./zone.js";

/** What the host's code adds for one of an audience. */
export interface MemberCode {
  /** Null: it gets no message. */
  readonly segmentOf?: ((member: AudienceMember) => string | null) | undefined;
  readonly dataOf?: ((member: AudienceMember) => Record<string, unknown>) | undefined;
}

type Timed = Pick<NewNotification, "notBefore" | "expiresAt" | "hours" | "openUntil">;

/** Turns the audience of one campaign into its notifications, each checked as if it was sent. */
export class Composer {
  readonly #campaign: Campaign;
  readonly #content: CampaignContent;
  readonly #messages: Messages;
  readonly #code: MemberCode;
  /** When it begins. Milliseconds since the epoch. */
  readonly #from: number;

  /** `now` is when it begins, unless it is scheduled for later. */
  constructor(campaign: Campaign, code: MemberCode, now: Date) {
    this.#campaign = campaign;
    this.#content = contentOf(campaign);
    this.#messages = new Messages(this.#content.messages);
    this.#code = code;
    this.#from = Math.max(now.getTime(), campaign.scheduledAt?.getTime() ?? 0);
  }

  get templates(): Messages["templates"] {
    return this.#messages.templates;
  }

  /**
   * The notifications of the `index`th of the audience; none for who is in no segment. Throws `invalid_recipient`,
   * `invalid_data`, `missing_tag` or `render_failed` with the path of the field.
   */
  compose(input: unknown, index: number, newId: () => string): readonly NewNotification[] {
    const path = memberPath(input, index);
    const chosen = this.#code.segmentOf === undefined ? undefined : this.#code.segmentOf(input as AudienceMember);
    if (chosen === null) return [];
    const { recipient, items, data: own, ...member } = parseMember(input, path);
    const segment = chosen ?? member.segment;
    const template = this.#messages.of(segment, path);
    const more = this.#code.dataOf?.(input as AudienceMember) ?? {};
    const { tenant, id, kind, name } = this.#campaign;
    const { notifier, channel, mode, keyLifetime, maxAttempts, scope, needsConsent } = this.#content;
    const about = {
      ...own,
      ...plainObject(synchronous(more), `${path}.data`, "invalid_data"),
      campaign: { ...this.#content.data, id, kind, name },
      recipient: named(recipient),
      ...(segment !== "" && { segment }),
    };
    const timed = this.#timed(recipient);
    return this.#split(items).map(({ itemKey, tags }) => {
      const data = plainJson({ ...about, ...tags }, `${path}.data`, "invalid_data") as JsonObject;
      check(template, data, path);
      return {
        ...{ tenant, id: newId(), source: { kind: "campaign", id }, channel },
        ...{ recipientKey: recipientKey(recipient.address), itemKey },
        ...{ notifier, mode, keyLifetime, recipient, template: template.hash, data },
        ...{ maxAttempts, scope, needsConsent, ...timed },
      };
    });
  }

  /**
   * A notification as the campaign says now, of which the segment and what is its own stay. Throws as {@link compose} does.
   */
  recompose(row: Pick<NewNotification, "id" | "data" | "recipient">): RewrittenNotification {
    const path = `notifications[${row.id}]`;
    const { id, kind, name } = this.#campaign;
    const { segment } = row.data;
    const template = this.#messages.of(typeof segment === "string" ? segment : "", path);
    const data = { ...row.data, campaign: { ...this.#content.data, id, kind, name } };
    check(template, data, path);
    return { id: row.id, template: template.hash, data, ...this.#timed(row.recipient) };
  }

  #split(items: readonly JsonObject[]): readonly { readonly itemKey: string; readonly tags: object }[] {
    const [first] = items;
    if (first === undefined) return [{ itemKey: "", tags: {} }];
    if (this.#content.items === "each") return items.map((item) => ({ itemKey: String(item.key), tags: { item } }));
    return [{ itemKey: String(first.key), tags: { item: first, items } }];
  }

  #timed({ zone: own }: Recipient): Timed {
    const { window, expiresIn } = this.#content;
    const dies = expiresIn === null ? null : new Date(this.#from + expiresIn);
    if (window === null) return { notBefore: null, expiresAt: dies, hours: null, openUntil: null };
    const zone = zoneOf(window, own);
    const { notBefore, openUntil, expiresAt } = spanFrom(window, zone, this.#from);
    const ends = expiresAt === null ? null : new Date(expiresAt);
    return {
      notBefore: new Date(notBefore),
      expiresAt: ends !== null && dies !== null && dies < ends ? dies : (ends ?? dies),
      hours: window.hours === undefined ? null : { ...window.hours, zone },
      openUntil: openUntil === null ? null : new Date(openUntil),
    };
  }
}

/** Sending must not be the first to find out. */
function check(template: CompiledTemplate, data: JsonObject, path: string): void {
  const [missing] = missingTags(template, data);
  if (missing !== undefined) {
    throw new MilepostError("missing_tag", `${path}: the message needs a value for {{${missing}}}`, {
      path: `${path}.${missing}`,
      expected: `a value for {{${missing}}}`,
    });
  }
  try {
    template.render(data);
  } catch (error) {
    if (!MilepostError.is(error)) throw error;
    throw new MilepostError(error.code, `${path}: ${error.message}`, { path, expected: error.expected ?? "" });
  }
}
