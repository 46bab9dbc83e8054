import type { ConformanceCase } from "./case.js";
import { eventKnownCases } from "./event-known.js";
import { eventPurgeCases } from "./event-purge.js";
import { eventRetainCases } from "./event-retain.js";

export const eventCases: readonly ConformanceCase[] = [...eventRetainCases, ...eventKnownCases, ...eventPurgeCases];
