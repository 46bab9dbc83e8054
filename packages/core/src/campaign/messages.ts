import { MilepostError } from "../errors.js";
import type { MessageParts, MessageTemplate } from "../message/message.js";
import { type CompiledTemplate, compileTemplate } from "../message/template.js";

/** What a campaign says to all of its audience, or to one segment of it. */
export interface CampaignMessage extends MessageParts {
  /** Tags that must have a value although they stand inside a section. Those outside of any are required anyway. */
  readonly requiredTags?: readonly string[];
}

/** The messages of a campaign by segment; that of those without one is `""`. */
export type CampaignMessages = Readonly<Record<string, CampaignMessage>>;

/** Says which message a member gets. */
export class Messages {
  readonly #bySegment = new Map<string, CompiledTemplate>();

  /** Throws `invalid_template` with the path of the part. */
  constructor(messages: CampaignMessages) {
    for (const [segment, { requiredTags = [], ...message }] of Object.entries(messages)) {
      const template = compileTemplate(message, segment === "" ? "message" : `messages.${segment}`);
      const required = [...new Set([...template.requiredTags, ...requiredTags])];
      this.#bySegment.set(segment, { ...template, requiredTags: required });
    }
  }

  /** Throws `invalid_recipient`: a segment that has no message is a mistake, and silence would hide it. */
  of(segment: string, path: string): CompiledTemplate {
    const template = this.#bySegment.get(segment);
    if (template !== undefined) return template;
    const known = [...this.#bySegment.keys()].filter((each) => each !== "");
    const expected =
      known.length === 0 ? "no segment: the campaign has one message" : `one of the segments ${known.join(", ")}`;
    throw new MilepostError("invalid_recipient", `${path}.segment: ${expected}`, {
      path: `${path}.segment`,
      expected,
    });
  }

  /** All templates, by their hash. */
  get templates(): Readonly<Record<string, MessageTemplate>> {
    return Object.fromEntries([...this.#bySegment.values()].map(({ hash, template }) => [hash, template]));
  }
}
