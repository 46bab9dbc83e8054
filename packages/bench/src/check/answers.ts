import type { Verdict } from "../scenario/verdict.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";
import type { Tables } from "./tables.js";

/** What record() answered to the events `from` up to, but without, `to` of one stream. */
export interface AnswerLine {
  readonly from: number;
  readonly to: number;
  /** The value after each event; null for a duplicate. */
  readonly values: readonly (number | null)[];
  /** An event's number and a level that it passed. */
  readonly crossed: readonly (readonly [number, number])[];
}

/** The lines of a producer's file. One that a kill cut in two is no answer. */
export function answersIn(text: string): readonly AnswerLine[] {
  return text.split("\n").flatMap((line): AnswerLine[] => {
    try {
      return [JSON.parse(line) as AnswerLine];
    } catch {
      return [];
    }
  });
}

/**
 * What callers were told, against what is stored: an event that was answered with a counter's value must be the one that
 * the crossing at this value names, and an event's answer must list exactly the crossings that name it.
 */
export function checkAnswers(
  tables: Tables,
  shape: StreamShape,
  answers: ReadonlyMap<number, readonly AnswerLine[]>,
  verdict: Verdict,
): void {
  const levelOf = new Map(tables.crossings.map(({ eventId, at }) => [eventId, at]));
  const eventOf = new Map(tables.crossings.map(({ subject, at, eventId }) => [`${subject} ${at}`, eventId]));
  const valuesTaken = new Set<string>();
  const proven = new Set<string>();
  let contradictions = 0;
  for (const [stream, lines] of answers) {
    for (const { from, values, crossed } of lines) {
      const told = new Map<number, number[]>();
      for (const [n, level] of crossed) told.set(n, [...(told.get(n) ?? []), level]);
      values.forEach((value, i) => {
        const { id, subject } = eventAt(shape, stream, from + i);
        const stored = levelOf.get(id);
        const said = told.get(from + i) ?? [];
        const agrees = stored === undefined ? said.length === 0 : said.length === 1 && said[0] === stored;
        if (!agrees) contradictions++;
        if (value === null) return;
        const key = `${subject} ${value}`;
        if (valuesTaken.has(key) || (eventOf.get(key) ?? id) !== id) contradictions++;
        if (eventOf.get(key) === id) proven.add(key);
        valuesTaken.add(key);
      });
    }
  }
  verdict.exactly("answersAgainstTables", contradictions, 0);
  verdict.note("crossingsProvenByAnswer", proven.size);
}
