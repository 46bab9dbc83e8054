import type { CounterBirth, InstalledDefinition, RecordedEvent, RecordingRules } from "@milepost/core/store";

// Imported by tests only: what a store is given, with defaults.

export const metric = "m";
export const birth: CounterBirth = { period: "lifetime", below: null, above: null, due: false };

/** The first definition of the metric, unless said. */
export function definition(fields: Partial<InstalledDefinition> = {}): InstalledDefinition {
  const { generation = 1 } = fields;
  return {
    metric,
    generation,
    decrements: true,
    gauge: false,
    retain: "ids",
    eventRetention: null,
    rememberedSince: null,
    births: [birth],
    milestones: [],
    former: [],
    removed: [],
    adopted: 1,
    ...fields,
  };
}

/** The metric's rules, those of its first definition unless said. */
export function rules(fields: Partial<RecordingRules> = {}): Record<string, RecordingRules> {
  return { [metric]: { generation: 1, bandsSince: 0, gauge: false, retain: "ids", purged: false, ...fields } };
}

export function event(fields: Partial<RecordedEvent> = {}): RecordedEvent {
  const occurredAt = new Date("2026-11-05T12:00:00.123Z");
  return { tenant: "t", metric, id: "e", subject: "s", amount: 1, occurredAt, feeds: [birth], ...fields };
}
