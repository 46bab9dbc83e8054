import * as z from "zod";
import type { RenderedMessage } from "../message/message.js";
import { type Runtime, systemRuntime } from "../runtime.js";
import { type Agrees, keySchema, parseInput } from "../validation.js";
import { Circuit, type CircuitChange, type CircuitOptions } from "./circuit.js";
import { functionSchema } from "./http-options.js";
import {
  accepted,
  ambiguous,
  type Notifier,
  type NotifierHealth,
  type Outcome,
  outcomeOf,
  refusedPermanent,
  refusedTransient,
  type SendContext,
  unavailable,
} from "./notifier.js";

export interface FailoverNotifierOptions {
  readonly name: string;
  /** In the order in which they are tried: at least two, of one channel, with different names. */
  readonly notifiers: readonly Notifier[];
  /**
   * `"at-least-once"` if all of them are, else `"at-most-once"`, and that may be narrowed to. Never `idempotent`: a key is
   * known to one provider, and another one takes the message again.
   */
  readonly mode?: "at-most-once" | "at-least-once";
  /** When one of them is left alone for a while. */
  readonly circuit?: CircuitOptions;
  /** Hears what the engine tells as the events `degraded` and `recovered`. */
  readonly onChange?: (health: NotifierHealth) => void;
  /** Time, for tests. */
  readonly runtime?: Partial<Pick<Runtime, "now" | "monotonic">>;
}

const circuitSchema = z.strictObject({
  failures: z.int("a whole number, 1 or more").min(1).optional(),
  restFor: z.int("whole milliseconds, 1 or more").min(1).optional(),
});

true satisfies Agrees<typeof circuitSchema, CircuitOptions>;

const optionsSchema = z
  .strictObject({
    name: keySchema,
    notifiers: z
      .array(z.custom<Notifier>((notifier) => typeof (notifier as Notifier | null)?.send === "function", "a notifier"))
      .min(2, "at least two notifiers")
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "notifiers with different names")
      .refine((all) => all.every(({ channel }) => channel === all[0]?.channel), "notifiers of one channel"),
    mode: z
      .enum(["at-most-once", "at-least-once"], '"at-most-once" or "at-least-once": a key is known to one provider only')
      .optional(),
    // zod makes no difference between an absent field and an undefined one
    circuit: (circuitSchema as unknown as z.ZodType<CircuitOptions, CircuitOptions>).optional(),
    onChange: functionSchema<(health: NotifierHealth) => void>().optional(),
    runtime: z.custom<NonNullable<FailoverNotifierOptions["runtime"]>>().optional(),
  })
  .refine(
    ({ mode, notifiers }) => mode !== "at-least-once" || notifiers.every((each) => each.mode === "at-least-once"),
    { path: ["mode"], error: '"at-most-once": the mode can only be narrowed, and not all notifiers are at-least-once' },
  );

true satisfies Agrees<typeof optionsSchema, FailoverNotifierOptions>;

/** One of the notifiers, and whether it is left alone. */
interface Member {
  readonly notifier: Notifier;
  readonly circuit: Circuit;
  degradedAt: Date | null;
}

/**
 * Several notifiers of one channel. The next one is tried only after one that certainly did not take the message: it
 * refused it for now, or its circuit is open and it was not called. An ambiguous outcome or a permanent refusal ends the
 * attempt.
 */
export function failoverNotifier(options: FailoverNotifierOptions): Notifier {
  const { name, notifiers, mode, onChange, runtime } = parseInput(optionsSchema, options, "invalid_options");
  const { monotonic, now = () => new Date() } = { ...systemRuntime(), ...runtime };
  const members = notifiers.map((notifier): Member => {
    return { notifier, circuit: new Circuit(options.circuit), degradedAt: null };
  });
  const listeners = new Set<(health: NotifierHealth) => void>(onChange && [onChange]);
  let closed: Promise<void> | undefined;

  function tell(member: Member, change: CircuitChange): void {
    if (change === null) return;
    if (change === "degraded") member.degradedAt = now();
    const { failures } = member.circuit.state;
    // no words of the other side: they may name an address
    const why =
      change === "degraded" ? `${failures} calls in a row were refused for now or not answered` : "it took a call";
    const health = { state: change, member: member.notifier.name, since: member.degradedAt!, why };
    for (const listener of listeners) {
      try {
        listener(health);
      } catch {} // whoever watches decides nothing
    }
  }

  async function callOf({ notifier }: Member, message: RenderedMessage, context: SendContext): Promise<Outcome> {
    try {
      return outcomeOf(await notifier.send({ ...message, to: { ...message.to } }, context));
    } catch {
      return ambiguous("its notifier failed");
    }
  }

  /** Undefined where the circuit is open. */
  async function tryMember(
    member: Member,
    message: RenderedMessage,
    context: SendContext,
  ): Promise<Outcome | undefined> {
    const { circuit } = member;
    const pass = circuit.admit(monotonic());
    if (pass === null) return undefined;
    const outcome = await callOf(member, message, context);
    if (outcome.kind === "refusedTransient") tell(member, circuit.failed(pass, monotonic(), outcome.retryAfter));
    else if (outcome.kind === "ambiguous") tell(member, circuit.failed(pass, monotonic(), null));
    // a permanent refusal is about the message: who answers so is there
    else tell(member, circuit.worked(pass));
    return outcome;
  }

  return {
    name,
    channel: notifiers[0]!.channel,
    mode: mode ?? (notifiers.every((each) => each.mode === "at-least-once") ? "at-least-once" : "at-most-once"),
    async send(message, context) {
      const said: string[] = [];
      const waits: (number | null)[] = [];
      let nobody = true;
      for (const member of members) {
        const { name: of } = member.notifier;
        if (context.signal.aborted) {
          said.push(`${of}: not called, the call was given up`);
          waits.push(null);
          nobody = false;
          break;
        }
        const outcome = await tryMember(member, message, context);
        if (outcome === undefined) {
          said.push(`${of}: not called, left alone for now`);
          waits.push(member.circuit.restAt(monotonic()));
          continue;
        }
        if (outcome.kind === "accepted") return accepted(outcome.receipt === null ? of : `${of}: ${outcome.receipt}`);
        if (outcome.kind === "refusedPermanent") return refusedPermanent(`${of}: ${outcome.why}`);
        if (outcome.kind === "ambiguous") return ambiguous(`${of}: ${outcome.why}`);
        said.push(`${of}: ${outcome.why}`);
        waits.push(outcome.retryAfter);
        nobody &&= outcome.unavailable === true;
      }
      // the lane waits only if none of them would take any other message either
      return (nobody ? unavailable : refusedTransient)(said.join("; "), soonest(waits));
    },
    onHealth(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closed ??= Promise.all(notifiers.map((notifier) => notifier.close?.())).then(() => {});
      return closed;
    },
  };
}

/** When one of them may be tried again; undefined where one of them did not say, and so may be at any time. */
function soonest(waits: readonly (number | null)[]): number | undefined {
  const known = waits.filter((wait) => wait !== null);
  return known.length < waits.length ? undefined : Math.ceil(Math.min(...known));
}
