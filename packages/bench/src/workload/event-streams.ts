import type { MilestoneEvent } from "@milepost/core";
import { randomAt } from "./random.js";

export const metric = "work.done";

/** Many streams of events over some subjects; each event follows from the seed, its stream and its number. */
export interface StreamShape {
  readonly seed: number;
  readonly streams: number;
  /** In each stream. */
  readonly events: number;
  readonly subjects: number;
}

/** The `n`th event of a stream, from 0; its amount is 1. */
export function eventAt({ seed, subjects }: StreamShape, stream: number, n: number): MilestoneEvent {
  const subject = `subject-${Math.floor(randomAt(seed, stream, n) * subjects)}`;
  return { id: `${stream}-${n}`, metric, subject };
}

/** The ids that each subject must have counted once all streams are through. */
export function eventsBySubject(shape: StreamShape): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (let stream = 0; stream < shape.streams; stream++) {
    for (let n = 0; n < shape.events; n++) {
      const { subject, id } = eventAt(shape, stream, n);
      const ids = found.get(subject) ?? new Set();
      ids.add(id);
      found.set(subject, ids);
    }
  }
  return found;
}
