import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { MessageParts, MessageTemplate } from "../message/message.js";
import { type CompiledTemplate, compileTemplate, missingTags } from "../message/template.js";
import { templateUse } from "../message/template-use.js";
import { templateNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";

/** A message in one language, as it is written. */
export interface WrittenMessage extends MessageParts {
  /** Tags that must have a value although they stand inside a section. Those outside of any are required anyway. */
  readonly requiredTags?: readonly string[];
}

/** A template of the store: each recipient gets it in their language. */
export interface TemplateChoice {
  readonly template: string;
  /** The active one, when the campaign is made, unless said. */
  readonly version?: number;
}

/** What a campaign says to all of its audience, or to one segment of it. */
export type CampaignMessage = WrittenMessage | TemplateChoice;

/** The messages of a campaign by segment; that of those without one is `""`. */
export type CampaignMessages = Readonly<Record<string, CampaignMessage>>;

/** One segment's message. */
interface SegmentMessage {
  pick(locale: string | undefined): CompiledTemplate;
  /** Throws `missing_tag` or `invalid_data` with the path of the field. */
  check(template: CompiledTemplate, data: JsonObject, path: string): void;
  /** How many items one message takes; null: any number. */
  readonly maxItems: number | null;
  readonly all: readonly CompiledTemplate[];
}

/** Says which message one of an audience gets. */
export class Messages {
  readonly #bySegment: ReadonlyMap<string, SegmentMessage>;

  private constructor(bySegment: ReadonlyMap<string, SegmentMessage>) {
    this.#bySegment = bySegment;
  }

  /** Reads what is stored. Throws `invalid_template` with the path of the part, and `not_found`. */
  static async of(messages: CampaignMessages, store: Store, tenant: string): Promise<Messages> {
    const bySegment = new Map<string, SegmentMessage>();
    for (const [segment, message] of Object.entries(messages)) {
      const read = isChoice(message) ? await stored(store, tenant, message) : written(message, pathOf(segment));
      bySegment.set(segment, read);
    }
    return new Messages(bySegment);
  }

  /** Throws `invalid_recipient`: a segment that has no message is a mistake, and silence would hide it. */
  of(segment: string, path: string): SegmentMessage {
    const message = this.#bySegment.get(segment);
    if (message !== undefined) return message;
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
    const all = [...this.#bySegment.values()].flatMap((message) => message.all);
    return Object.fromEntries(all.map(({ hash, template }) => [hash, template]));
  }
}

/** Throws `invalid_template` for messages that cannot be read. */
export function refuseUnreadable(messages: CampaignMessages): void {
  for (const [segment, message] of Object.entries(messages)) {
    if (!isChoice(message)) written(message, pathOf(segment));
  }
}

/**
 * The same with the versions of templates that they have now, so that what is said of a campaign stays. Throws `not_found`,
 * and `act_refused` for an archived template.
 */
export async function pinned(messages: CampaignMessages, store: Store, tenant: string): Promise<CampaignMessages> {
  const entries = Object.entries(messages).map(async ([segment, message]) => {
    if (!isChoice(message)) return [segment, message] as const;
    const { template: name, version: number } = message;
    const template = await store.templates.get({ tenant, name });
    if (template === null) throw templateNotFound(name);
    if (template.archivedAt !== null) throw new MilepostError("act_refused", `Template "${name}" is archived`);
    const version = number ?? template.active;
    if (version > template.newest) throw templateNotFound(name, version);
    return [segment, { template: name, version }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function isChoice(message: CampaignMessage): message is TemplateChoice {
  return "template" in message;
}

const pathOf = (segment: string): string => (segment === "" ? "message" : `messages.${segment}`);

function written({ requiredTags = [], ...message }: WrittenMessage, path: string): SegmentMessage {
  const compiled = compileTemplate(message, path);
  const template = { ...compiled, requiredTags: [...new Set([...compiled.requiredTags, ...requiredTags])] };
  return { pick: () => template, check: refuseMissing, maxItems: null, all: [template] };
}

async function stored(store: Store, tenant: string, choice: TemplateChoice): Promise<SegmentMessage> {
  const { template: name, version: number } = choice;
  const version = await store.templates.version({ tenant, name, ...(number !== undefined && { number }) });
  if (version === null) throw templateNotFound(name, number);
  const { pick, problems, variants } = templateUse(version);
  return {
    pick,
    maxItems: version.maxItems,
    all: [...variants.values()],
    // its author says what it cannot do without
    check(_, data, path) {
      const [first] = problems(data);
      if (first === undefined) return;
      const { tag, problem, expected } = first;
      const code = problem === "missing" ? "missing_tag" : "invalid_data";
      throw new MilepostError(code, `${path}.${tag}: ${expected}`, { path: `${path}.${tag}`, expected });
    },
  };
}

function refuseMissing(template: CompiledTemplate, data: JsonObject, path: string): void {
  const [missing] = missingTags(template, data);
  if (missing === undefined) return;
  throw new MilepostError("missing_tag", `${path}: the message needs a value for {{${missing}}}`, {
    path: `${path}.${missing}`,
    expected: `a value for {{${missing}}}`,
  });
}
