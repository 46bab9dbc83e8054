import type { RenderedMessage } from "../message/message.js";
import { type Notifier, type Outcome, outcomeOf, type SendContext } from "../notifier/notifier.js";

/**
 * How the other side treats what it is given.
 *
 * | | |
 * | --- | --- |
 * | `accept` | takes it and says so |
 * | `refuseForNow` | says that it does not take it, and may later |
 * | `refuseForGood` | says that it never will |
 * | `loseBefore` | is not there, or goes away before it was given the message |
 * | `loseAfter` | takes the message and goes away without an answer |
 * | `hold` | takes the message and answers when it is told to |
 */
export const behaviours = ["accept", "refuseForNow", "refuseForGood", "loseBefore", "loseAfter", "hold"] as const;
export type Behaviour = (typeof behaviours)[number];

/** One message as the other side has it. */
export interface ReceivedMessage {
  /** All of it as text, as it came in: the cases look for words of the message in it. */
  readonly content: string;
  /** What repeats are told by: an idempotency key, a Message-ID, a `webhook-id`; null where it gets none. */
  readonly key: string | null;
}

/** The outside world, played: a server on a local port, a fake transport. */
export interface OtherSide {
  /** What it can play; cases that need more are skipped. */
  readonly plays: readonly Behaviour[];
  /** Treats every message like this from now on; at first it accepts. */
  play(behaviour: Behaviour): Promise<void>;
  /** Answers, with an acceptance, whatever it holds. Only of one that plays `hold`. */
  release?(): Promise<void>;
  /** Every message that it was given as a whole, in order; waits until there are `count`. */
  received(count: number): Promise<readonly ReceivedMessage[]>;
}

/** A notifier as a case gets it: new, with an other side of its own. */
export interface OpenedNotifier {
  readonly notifier: Notifier;
  readonly otherSide: OtherSide;
  /** One that it can write to. */
  readonly address: string;
  /** What must never be told: tokens, passwords, keys. */
  readonly secrets?: readonly string[];
  /** Closes the other side; the case has closed the notifier. */
  dispose(): Promise<void>;
}

/** What a notifier's author supplies. */
export interface NotifierHarness {
  open(): Promise<OpenedNotifier>;
}

/** One sentence about behaviour and the code that checks it; independent of any test runner. */
export interface NotifierCase {
  readonly about: string;
  readonly name: string;
  /** Skipped, with this as the reason, where the other side cannot play it. */
  readonly requires?: Behaviour;
  run(opened: OpenedNotifier): Promise<void>;
}

/** Runs one case on a new notifier; answers whether it ran or was skipped, throws what it found. */
export async function runNotifierCase(
  harness: NotifierHarness,
  notifierCase: NotifierCase,
): Promise<"passed" | "skipped"> {
  const opened = await harness.open();
  try {
    const { requires } = notifierCase;
    if (requires !== undefined && !opened.otherSide.plays.includes(requires)) return "skipped";
    await withoutStrayRejections(() => notifierCase.run(opened));
    return "passed";
  } finally {
    await opened.notifier.close?.();
    await opened.dispose();
  }
}

/** A rejection that nobody hears ends a Node process: no case may leave one. */
async function withoutStrayRejections(work: () => Promise<void>): Promise<void> {
  const stray: unknown[] = [];
  const listener = (reason: unknown) => stray.push(reason);
  process.on("unhandledRejection", listener);
  try {
    await work();
    // it is told after the microtasks of the turn in which it happened
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", listener);
  }
  if (stray.length > 0) throw new Error("the notifier left a rejection that nobody handles", { cause: stray[0] });
}

/** Milliseconds after which a case gives up. No measure of anything: only so that it says what it waited for. */
const patience = 15_000;

/** Waits for what must come, and says what did not. */
export async function soon<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${patience / 1_000} s`)), patience);
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** A message with words that are found again in whatever form it is sent. Frozen: a notifier must not change it. */
export function message(address: string, word: string = "waypoint"): RenderedMessage {
  return Object.freeze({
    to: Object.freeze({ address, name: "Olga", locale: "en" }),
    subject: `subject-${word}`,
    text: `text-${word}`,
    html: null,
  });
}

/** A context as the engine gives it. */
export function context(fields: Partial<SendContext> = {}): SendContext {
  const { notification = "ntf-1" } = fields;
  return {
    tenant: "default",
    notification,
    idempotencyKey: notification,
    messageId: `<${notification}@milepost.invalid>`,
    attempt: 1,
    notifier: "notifier",
    account: null,
    signal: new AbortController().signal,
    ...fields,
  };
}

/** What a call came to, and everything that it told. */
export interface Called {
  /** As the engine understands it: a throw is ambiguous. */
  readonly outcome: Outcome;
  readonly told: string;
}

export async function call(notifier: Notifier, given: RenderedMessage, at: SendContext): Promise<Called> {
  const sending = (async () => notifier.send(given, at))();
  try {
    const returned = await soon("send() ends", sending);
    return { outcome: outcomeOf(returned), told: JSON.stringify(returned) ?? "" };
  } catch (error) {
    return { outcome: { kind: "ambiguous", why: "it threw" }, told: everythingIn(error) };
  }
}

/** An error with its fields, its stack and its causes: the engine stores the message, and hosts log the rest. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = JSON.stringify(Object.fromEntries(Object.entries(error).filter(([name]) => name !== "cause")));
  return [error.message, error.stack, fields, error.cause === undefined ? "" : everythingIn(error.cause)].join("\n");
}
