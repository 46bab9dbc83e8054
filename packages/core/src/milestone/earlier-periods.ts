import type { CounterKey } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import type { Arming } from "./arming.js";
import { periodOf, spanOf } from "./period.js";

/** Counters read at once. */
const perPage = 500;

/**
 * A subject's counters of earlier periods that are due and have their end to tell yet, to these milestones. One that is
 * over and was never looked at has nothing to tell: it may wait for a limit for ever, and a subject's history may have
 * many of them.
 */
export async function earlierToTell(
  store: Store,
  { tenant, metric, subject, period }: CounterKey,
  milestones: readonly string[],
  now: Date,
): Promise<readonly CounterKey[]> {
  const { start } = spanOf(period);
  const isEarlier = (key: string) => periodOf(key) === periodOf(period) && spanOf(key).end <= start;
  const found: CounterKey[] = [];
  for (let after: CounterKey | undefined; ; ) {
    const page = await store.counters.list({ tenant, metric, subject, limit: perPage, ...(after && { after }) });
    const keys = page.filter((each) => each.due && isEarlier(each.period));
    const counters = keys.length === 0 ? [] : await store.counters.read({ keys, trailLimit: 0 });
    for (const { period: earlier, state } of counters) {
      const untold = milestones.some((name) => {
        return Object.hasOwn(state, name)
          ? (state[name] as Arming).end === "awaited"
          : now.getTime() < spanOf(earlier).end;
      });
      if (untold) found.push({ tenant, metric, subject, period: earlier });
    }
    after = page.at(-1);
    if (page.length < perPage) return found;
  }
}
