import { createHash } from "node:crypto";
import type { MetricDefinition } from "../store/definition-repository.js";
import { compareKeys } from "../text-key.js";
import { freshArming, narrowest, quietBand } from "./arming.js";
import type { Milestone } from "./milestone.js";
import { lifetime } from "./period.js";

/** What the engine is told of a metric beyond its milestones. */
export interface MetricOptions {
  /** Accepts negative amounts; false unless said. */
  readonly decrements?: boolean;
}

/**
 * What is stored of a metric: which counters an event feeds and how they are born. The fingerprint covers all that
 * evaluation depends on, and nothing of what is said to whom: a changed text is no changed definition.
 */
export function metricDefinition(
  metric: string,
  options: MetricOptions,
  milestones: readonly Milestone[],
): MetricDefinition {
  const decrements = options.decrements ?? false;
  const sorted = [...milestones].sort((a, b) => compareKeys(a.name, b.name));
  const contextual = sorted.some(({ policy }) => policy.contextual === true);
  const anywhere = { tenant: "", subject: "", period: lifetime };
  const band = contextual
    ? { below: null, above: null }
    : narrowest(sorted.map(({ policy }) => quietBand(policy, anywhere, freshArming(0), 0)));
  const births = [{ period: lifetime, ...band, due: contextual }];
  const evaluated = sorted.map(({ name, policy, period }) => [name, policy.key, period]);
  return {
    metric,
    decrements,
    births,
    milestones: sorted.map(({ name }) => name),
    fingerprint: createHash("sha256")
      .update(JSON.stringify([decrements, births, evaluated]))
      .digest("hex"),
  };
}
