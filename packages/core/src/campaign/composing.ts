import type { NewNotification } from "../delivery/notification.js";
import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import { plainJson, plainObject } from "../json.js";
import type { CompiledTemplate } from "../message/template.js";
import { named, type Recipient, recipientKey } from "../recipient/recipient.js";
import { synchronous } from "../recipient/resolved.js";
import type { RewrittenNotification } from "../store/campaign-repository.js";
import type { Store } from "../store/store.js";
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
  readonly #lane: string;
  /** When it begins. Milliseconds since the epoch. */
  readonly #from: number;

  private constructor(campaign: Campaign, messages: Messages, code: MemberCode, now: Date, lane: string) {
    this.#campaign = campaign;
    this.#content = contentOf(campaign);
    this.#messages = messages;
    this.#code = code;
    this.#lane = lane;
    this.#from = Math.max(now.getTime(), campaign.scheduledAt?.getTime() ?? 0);
  }

  /**
   * `now` is when it begins, unless it is scheduled for later; `lane` is what its messages have as their notifier. Throws as
   * {@link Messages.of}.
   */
  static async of(
    campaign: Campaign,
    code: MemberCode,
    store: Store,
    now: Date,
    lane: string = contentOf(campaign).notifier,
  ): Promise<Composer> {
    const messages = await Messages.of(contentOf(campaign).messages, store, campaign.tenant);
    return new Composer(campaign, messages, code, now, lane);
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
    const message = this.#messages.of(segment, path);
    const template = message.pick(recipient.locale);
    const more = this.#code.dataOf?.(input as AudienceMember) ?? {};
    const { tenant, id, kind, name } = this.#campaign;
    const { channel, mode, keyLifetime, maxAttempts, scope, needsConsent, sender } = this.#content;
    const about = {
      ...own,
      ...plainObject(synchronous(more), `${path}.data`, "invalid_data"),
      campaign: { ...this.#content.data, id, kind, name },
      recipient: named(recipient),
      ...(segment !== "" && { segment }),
    };
    const timed = this.#timed(recipient);
    return this.#split(items, message.maxItems).map(({ itemKey, tags }) => {
      const data = plainJson({ ...about, ...tags }, `${path}.data`, "invalid_data") as JsonObject;
      message.check(template, data, path);
      rendered(template, data, recipient, path);
      return {
        ...{ tenant, id: newId(), source: { kind: "campaign", id }, channel },
        ...{ recipientKey: recipientKey(recipient.address), itemKey },
        ...{ notifier: this.#lane, mode, keyLifetime, recipient, template: template.hash, data },
        ...{ maxAttempts, scope, needsConsent, sender, ...timed },
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
    const message = this.#messages.of(typeof segment === "string" ? segment : "", path);
    const template = message.pick(row.recipient.locale);
    const data = { ...row.data, campaign: { ...this.#content.data, id, kind, name } };
    message.check(template, data, path);
    rendered(template, data, row.recipient, path);
    return { id: row.id, template: template.hash, data, sender: this.#content.sender, ...this.#timed(row.recipient) };
  }

  #split(
    items: readonly JsonObject[],
    maxItems: number | null,
  ): readonly { readonly itemKey: string; readonly tags: object }[] {
    if (items.length === 0) return [{ itemKey: "", tags: {} }];
    if (this.#content.items === "each") return items.map((item) => ({ itemKey: String(item.key), tags: { item } }));
    const most = maxItems ?? items.length;
    const groups = Array.from({ length: Math.ceil(items.length / most) }, (_, i) =>
      items.slice(i * most, (i + 1) * most),
    );
    return groups.map((group) => ({ itemKey: String(group[0]!.key), tags: { item: group[0], items: group } }));
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
function rendered(template: CompiledTemplate, data: JsonObject, recipient: Recipient, path: string): void {
  try {
    template.render(data, recipient);
  } catch (error) {
    if (!MilepostError.is(error)) throw error;
    throw new MilepostError(error.code, `${path}: ${error.message}`, { path, expected: error.expected ?? "" });
  }
}
