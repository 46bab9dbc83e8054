import type { MilestoneEvent } from "@milepost/core";
import { metric } from "./event-streams.js";
import { randomAt, seededRandom, shuffled } from "./random.js";

/** Batches that lock many counters, and some event ids that other clients bring at the same time. */
export interface BaitShape {
  readonly seed: number;
  readonly subjects: number;
  /** Events of a batch that only its client has. */
  readonly own: number;
  /** Events of a batch that every client brings in its batch of this number. */
  readonly shared: number;
}

/** A client's batch, from 0, in an order that differs from every other client's. */
export function batchAt({ seed, subjects, own, shared }: BaitShape, client: number, batch: number): MilestoneEvent[] {
  const subject = (...at: readonly number[]) => `subject-${Math.floor(randomAt(seed, ...at) * subjects)}`;
  const events = [
    ...Array.from({ length: own }, (_, i) => ({
      id: `${client}-${batch}-${i}`,
      metric,
      subject: subject(client, batch, i),
    })),
    ...Array.from({ length: shared }, (_, i) => ({ id: `all-${batch}-${i}`, metric, subject: subject(-1, batch, i) })),
  ];
  return shuffled(events, seededRandom(Math.floor(randomAt(seed, client, batch, -1) * 2 ** 32)));
}
