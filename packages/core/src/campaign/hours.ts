import { evenStretches } from "./wall-clock.js";

/** When a message may go out by a wall clock. */
export interface Hours {
  /** `"09:00"`. */
  readonly from: string;
  /** `"18:00"`, and not at it any more; `"24:00"` is midnight. Before `from`: the hours go on into the next day. */
  readonly to: string;
  /** ISO weekdays, 1 is Monday, on which the hours begin; all unless said. */
  readonly days?: readonly number[];
}

/** The hours of one message, and whose clocks they go by. */
export interface ZonedHours extends Hours {
  /** An IANA name, or `UTC`. */
  readonly zone: string;
}

/** A span of instants, in milliseconds since the epoch: `opens <= instant < closes`. */
export interface Opening {
  readonly opens: number;
  readonly closes: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;
/** Hours begin once a week at least; a date that a zone skipped may cost one of them. */
const horizon = 15 * day;

/**
 * The span in which the hours are open at `time`, from `time` on, or else the next one. An instant is within the hours
 * exactly when the clocks of `zone` show a time within them: so what a clock change skips is missing, and what it repeats
 * is open twice. A span ends where the hours do, or after {@link horizon} at the latest.
 */
export function openingAt(hours: Hours, zone: string, time: number): Opening {
  const known = recent.get(keyOf(hours, zone));
  if (known !== undefined && known.asked <= time && time < known.closes) {
    return { opens: Math.max(known.opens, time), closes: known.closes };
  }
  const opening = search(hours, zone, time);
  if (recent.size >= recentOpenings) recent.clear();
  recent.set(keyOf(hours, zone), { ...opening, asked: time });
  return opening;
}

/** The opening asked for last, of each zone: a search takes Temporal some 50 us, and an audience has few zones. */
const recent = new Map<string, Opening & { readonly asked: number }>();
const recentOpenings = 1_000;

const keyOf = ({ from, to, days }: Hours, zone: string): string => `${zone} ${from} ${to} ${days?.join() ?? ""}`;

function search(hours: Hours, zone: string, time: number): Opening {
  let found: Opening | undefined;
  for (const { from, to, offset } of evenStretches(zone, time, time + horizon)) {
    for (const shown of openShown(hours, from + offset, to + offset)) {
      const opens = Math.max(shown.opens - offset, from);
      const closes = Math.min(shown.closes - offset, to);
      if (opens >= closes) continue;
      if (found === undefined) found = { opens, closes };
      else if (found.closes === opens) found = { opens: found.opens, closes };
      else return found;
    }
  }
  if (found === undefined) throw new Error(`no time within ${keyOf(hours, zone)} in ${horizon / day} days`);
  return found;
}

/** The spans of the hours that touch `from` to `to`, all in milliseconds of the wall clock, in their order. */
function* openShown(hours: Hours, from: number, to: number): Generator<Opening, void> {
  const begin = timeOfDay(hours.from);
  const end = timeOfDay(hours.to);
  const length = end > begin ? end - begin : end - begin + day;
  // of the day before, too: its hours may go on after midnight
  for (let date = Math.floor(from / day) - 1; date * day < to; date++) {
    if (hours.days !== undefined && !hours.days.includes(weekdayOf(date))) continue;
    const opens = date * day + begin;
    if (opens + length > from) yield { opens, closes: opens + length };
  }
}

/** Milliseconds since midnight. */
function timeOfDay(text: string): number {
  const [hour, minutes] = text.split(":");
  return (Number(hour) * 60 + Number(minutes)) * minute;
}

/** Of a day counted from 1 January 1970, a Thursday. */
function weekdayOf(date: number): number {
  return ((((date + 3) % 7) + 7) % 7) + 1;
}
