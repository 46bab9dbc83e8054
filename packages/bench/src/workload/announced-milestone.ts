import { type Milestone, milestone, type Notifier, type RecipientResolver, thresholds } from "@milepost/core";
import { metric } from "./event-streams.js";

const milestoneName = "work-done";

/** One message to each subject, at an address that its name decides. */
const subjectItself: RecipientResolver = {
  resolve: async ({ subject }) => [{ address: `${subject}@chaos.example` }],
};

/** Several of these make a deployment. */
export function namedMilestone(name: string, levels: readonly number[], notifier: Notifier): Milestone {
  return announcedMilestone(levels, notifier, subjectItself, name);
}

/** The milestone that scenarios count towards: the same in every process, or its definition would differ. */
export function announcedMilestone(
  levels: readonly number[],
  notifier: Notifier,
  recipients: RecipientResolver = subjectItself,
  name: string = milestoneName,
  maxAttempts: number = 5,
): Milestone {
  return milestone({
    name,
    metric,
    policy: thresholds(...levels),
    recipients,
    message: { text: "{{subject.id}} reached {{threshold}}" },
    notifier,
    maxAttempts,
  });
}

/** `count` levels, evenly up to `highest`. */
export function evenLevels(count: number, highest: number): readonly number[] {
  return [...new Set(Array.from({ length: count }, (_, i) => Math.max(1, Math.round(((i + 1) * highest) / count))))];
}

/** The same levels with nobody to be told. */
export function silentMilestone(levels: readonly number[]): Milestone {
  return milestone({ name: milestoneName, metric, policy: thresholds(...levels) });
}
