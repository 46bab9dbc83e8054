import type { Milepost } from "@milepost/core";
import { putClient } from "./clients.js";
import { createMailing, deleteMailing, type Mailing, moveMailing } from "./mailings.js";

// What happens in the days that the example lets pass.

export const begin: Date = new Date("2026-11-30T18:00:00Z");
const end = new Date("2026-12-05T12:00:00Z");
const minute = 60_000;
const quarter = 15 * minute;

/** When the message service is out of service. */
export const outages: readonly { readonly from: Date; readonly until: Date }[] = [
  { from: new Date("2026-12-01T07:50:00Z"), until: new Date("2026-12-01T10:10:00Z") },
  { from: new Date("2026-12-02T10:50:00Z"), until: new Date("2026-12-02T11:40:00Z") },
];

const planned: readonly Mailing[] = [
  { id: "1-everybody", start: "2026-12-01T09:00", end: "2026-12-01T21:00", text: "Good morning!", filter: {} },
  {
    id: "2-lunch",
    ...{ start: "2026-12-02T12:00", end: "2026-12-02T12:30" },
    text: "Half an hour only: lunch for one",
    filter: { operator: "903", tag: "vip" },
  },
  {
    id: "3-fixed",
    ...{ start: "2026-12-03T09:00", end: "2026-12-03T18:00" },
    text: "New here?",
    filter: { tag: "new" },
  },
  {
    id: "4-late-joiners",
    ...{ start: "2026-12-03T09:00", end: "2026-12-03T18:00" },
    text: "New here? Welcome!",
    filter: { tag: "new" },
    lateJoiners: true,
  },
  { id: "5-moved", start: "2026-12-04T09:00", end: "2026-12-04T20:00", text: "Sale!", filter: { tag: "vip" } },
  { id: "6-deleted", start: "2026-12-04T10:00", end: "2026-12-04T20:00", text: "Oops", filter: { tag: "new" } },
];

/** What people do meanwhile. */
const acts: readonly { readonly at: string; readonly said: string; act(milepost: Milepost): Promise<void> }[] = [
  {
    at: "2026-12-02T00:00:00Z",
    said: "a client in Tokyo is added, with the tag new: it gets 4-late-joiners, and not 3-fixed",
    act: (milepost) =>
      putClient(milepost, { client: "c25", phone: "79030000025", operator: "903", tag: "new", zone: "Asia/Tokyo" }),
  },
  {
    at: "2026-12-04T03:00:00Z",
    said: "5-moved, which 3 clients have, is put off for the others: 15:00 instead of 09:00",
    act: (milepost) => moveMailing(milepost, "5-moved", { start: "2026-12-04T15:00", end: "2026-12-04T20:00" }),
  },
  {
    at: "2026-12-04T06:00:00Z",
    said: "6-deleted, which 5 clients have, is deleted",
    act: (milepost) => deleteMailing(milepost, "6-deleted"),
  },
];

export interface DaysPassing {
  /** Moves the clock. */
  readonly moveTo: (at: Date) => void;
  readonly say: (text: string) => void;
  readonly stop: AbortSignal;
}

/**
 * Lets the days pass as a worker would see them: a quarter of an hour at a time, and a minute at a time while something is
 * to be tried again.
 */
export async function passDays(milepost: Milepost, { moveTo, say, stop }: DaysPassing): Promise<void> {
  for (const mailing of planned) await createMailing(milepost, mailing);
  let again = false;
  for (let at = begin.getTime(); at < end.getTime() && !stop.aborted; at += minute) {
    if (at % quarter !== 0 && !again) continue;
    moveTo(new Date(at));
    for (const { said, act } of acts.filter((one) => Date.parse(one.at) === at)) {
      say(`  ${new Date(at).toISOString().slice(0, 16).replace("T", " ")} GMT: ${said}\n`);
      await act(milepost);
    }
    const { pending, ambiguous } = (await milepost.runOnce()).notifications;
    again = pending + ambiguous > 0 || (again && at % quarter !== 0);
  }
}
