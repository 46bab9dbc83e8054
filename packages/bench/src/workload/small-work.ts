import {
  type DeliveryTiming,
  type Milepost,
  type Milestone,
  type MilestoneEvent,
  membersWithRole,
  type Notifier,
} from "@milepost/core";
import { announcedMilestone } from "./announced-milestone.js";
import { eventAt, type StreamShape } from "./event-streams.js";

// What one process does from its first event to its last message, small enough to be done once for every failpoint.

export const smallShape: StreamShape = { seed: 1, streams: 1, events: 24, subjects: 3 };
export const smallLevels: readonly number[] = [1, 3, 6, 20];
export const membersPerSubject = 2;
export const smallConcurrency = 4;

/** Of a process that lives: nothing runs into a deadline because the machine is slow. */
export const patientTiming: Partial<DeliveryTiming> = { retryBase: 10, retryCap: 50, ambiguousHorizon: 10 };

/** Of a process that dies: its leases are over soon. If it finds too little of one left it gives it back, no more. */
export const mortalTiming: Partial<DeliveryTiming> & Pick<DeliveryTiming, "lease"> = {
  ...patientTiming,
  lease: 2_000,
  callDeadline: 1_400,
  settleMargin: 200,
};

export const smallEvents: readonly MilestoneEvent[] = Array.from({ length: smallShape.events }, (_, n) =>
  eventAt(smallShape, 0, n),
);

export function smallMilestone(notifier: Notifier): Milestone {
  return announcedMilestone(smallLevels, notifier, membersWithRole("owner"));
}

export async function putSubjects(milepost: Milepost): Promise<void> {
  const subjects = new Set(smallEvents.map(({ subject }) => subject));
  await milepost.subjects.put(
    [...subjects].map((id) => ({
      id,
      members: Array.from({ length: membersPerSubject }, (_, i) => ({
        id: `${i}`,
        address: `${id}-${i}@chaos.example`,
        role: "owner",
      })),
    })),
  );
}
