import { MilepostError } from "../errors.js";
import type { CounterKey, CounterRepository } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import { joinPath } from "../validation.js";

const pageSize = 1_000;

/**
 * Refuses, as `invalid_options`, definitions that make gauges of metrics that count, or the other way round, where there
 * are counters already: a value would mean something else than it did. Before that it is allowed, because who forgets to
 * declare a gauge learns of it at the first observation, when the metric is installed.
 *
 * A counter may still be born between this look and the install. Its trail stays whole all the same: each batch goes by
 * the rules of its own generation.
 */
export async function refuseGaugeChange(
  counters: CounterRepository,
  stored: ReadonlyMap<string, InstalledDefinition>,
  next: readonly InstalledDefinition[],
): Promise<void> {
  for (const { metric, gauge } of next) {
    const before = stored.get(metric)?.gauge ?? gauge;
    if (before === gauge || !(await hasCounters(counters, metric))) continue;
    const path = joinPath("metrics", [metric, "gauge"]);
    const expected = `${before}, as it is installed: "${metric}" has counters, whose values would mean something else. Take another metric`;
    throw new MilepostError("invalid_options", `${path}: ${expected}`, { path, expected });
  }
}

async function hasCounters(counters: CounterRepository, metric: string): Promise<boolean> {
  const due = await counters.due({ metrics: [metric], limit: 1, trailLimit: 1 });
  if (due.length > 0) return true;
  let after: CounterKey | null = null;
  do {
    const page: Awaited<ReturnType<CounterRepository["idle"]>> = await counters.idle({
      ...{ metric, generation: Number.MAX_SAFE_INTEGER, limit: pageSize },
      ...(after && { after }),
    });
    if (page.counters.length > 0) return true;
    after = page.next;
  } while (after !== null);
  return false;
}
