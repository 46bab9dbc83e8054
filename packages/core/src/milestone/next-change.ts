import { describeError } from "../errors.js";
import { failed } from "./levels.js";
import type { MilestonePolicy, PolicyContext } from "./policy.js";

/** What a `Date` can hold, in milliseconds since the epoch. */
const lastMoment = 8.64e15;

/**
 * When the levels of a policy that moves change next without an event: after the moment that is looked at and before the
 * period's end, or undefined. A host's policy that names a moment which has passed would else be woken for it for ever.
 */
export function nextChange(policy: MilestonePolicy, context: PolicyContext): number | undefined {
  if (!policy.moving || policy.wakeAt === undefined) return undefined;
  let next: number | undefined;
  try {
    next = policy.wakeAt(context);
  } catch (cause) {
    throw failed(policy, `wakeAt() threw: ${describeError(cause)}`, cause);
  }
  if (next === undefined) return undefined;
  if (typeof next !== "number" || Number.isNaN(next))
    throw failed(policy, "wakeAt() must answer milliseconds, or undefined");
  const { at = Number.NEGATIVE_INFINITY, end = lastMoment } = context.span ?? {};
  const whole = Math.ceil(next);
  return whole > at && whole < Math.min(end, lastMoment) ? whole : undefined;
}
