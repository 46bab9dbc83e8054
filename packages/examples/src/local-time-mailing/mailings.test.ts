import { type MemoryNotifier, type Milepost, memoryNotifier, memoryStore } from "@milepost/core";
import { Temporal } from "temporal-polyfill";
import { afterEach, beforeEach, expect, test } from "vitest";
import { putClient } from "./clients.js";
import { createMailing, createMailingService, deleteMailing, messagesOf, moveMailing } from "./mailings.js";

const zones = [
  ...["Pacific/Kiritimati", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kathmandu", "Asia/Yekaterinburg", "Europe/Moscow"],
  ...["Europe/Berlin", "Europe/London", "America/Sao_Paulo", "America/New_York", "America/Los_Angeles", "Pacific/Niue"],
];
const mailing = {
  ...{ id: "m", start: "2026-12-01T09:00", end: "2026-12-01T12:00", text: "Hello", filter: {} },
};

let now: Date;
let notifier: MemoryNotifier;
let milepost: Milepost;
beforeEach(async () => {
  now = new Date("2026-11-30T18:00:00Z");
  notifier = memoryNotifier({ name: "sms", channel: "sms" });
  milepost = createMailingService({ store: memoryStore({ now: () => now }), notifier, now: () => now });
  for (const [i, zone] of zones.entries()) await add(i, zone);
});
afterEach(() => milepost.close());

const add = (i: number, zone: string, operator = "903", tag = "vip") =>
  putClient(milepost, { client: `c${i}`, phone: String(79_030_000_000 + i), operator, tag, zone });

/** When each zone was told, by its own clocks; a pass every quarter of an hour until `until`. */
async function pass(until: string): Promise<readonly string[]> {
  const told: string[] = [];
  for (; now < new Date(until); now = new Date(now.getTime() + 15 * 60_000)) {
    const before = notifier.sent.length;
    await milepost.runOnce();
    for (const { to } of notifier.sent.slice(before)) {
      const shown = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(to.zone!);
      told.push(`${to.zone} ${shown.toPlainDateTime().toString({ smallestUnit: "minute" })}`);
    }
  }
  return told;
}

test("the first local start is not missed, and each zone is told when its clocks show the start", async () => {
  now = new Date("2026-11-30T18:45:00Z");
  await createMailing(milepost, mailing);
  expect(await pass("2026-12-02T12:00:00Z")).toEqual(zones.map((zone) => `${zone} 2026-12-01T09:00`));
});

test("of one that is made late, those are told at once whose window is open, and those never whose window is over", async () => {
  now = new Date("2026-12-01T05:00:00Z");
  await createMailing(milepost, mailing);
  const told = await pass("2026-12-02T12:00:00Z");
  expect(told.slice(0, 3)).toEqual([
    "Asia/Kathmandu 2026-12-01T10:45",
    "Asia/Yekaterinburg 2026-12-01T10:00",
    "Europe/Moscow 2026-12-01T09:00",
  ]);
  expect(told.slice(3)).toEqual(zones.slice(6).map((zone) => `${zone} 2026-12-01T09:00`));
  const expired = (await messagesOf(milepost, "m")).filter(({ status }) => status === "expired");
  expect(expired.map(({ zone }) => zone).sort()).toEqual(zones.slice(0, 3).sort());
});

test("mailing-pending: a change of the window moves what was not sent, and a deletion ends it", async () => {
  await createMailing(milepost, mailing);
  expect((await pass("2026-12-01T00:30:00Z")).length).toBe(3);
  await moveMailing(milepost, "m", { start: "2026-12-01T11:00", end: "2026-12-01T12:00" });
  const told = await pass("2026-12-01T09:00:00Z");
  expect(told).toEqual(zones.slice(3, 6).map((zone) => `${zone} 2026-12-01T11:00`));
  await deleteMailing(milepost, "m");
  expect(await pass("2026-12-02T12:00:00Z")).toEqual([]);
  const statuses = (await messagesOf(milepost, "m")).map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(6).fill("cancelled"), ...Array(6).fill("sent")]);
});

test("a filter means an operator, a tag or both, and the audience is fixed unless the mailing says otherwise", async () => {
  await add(20, "UTC", "916", "vip");
  await add(21, "UTC", "916", "new");
  await createMailing(milepost, { ...mailing, id: "operator", filter: { operator: "916" } });
  await createMailing(milepost, { ...mailing, id: "both", filter: { operator: "916", tag: "new" } });
  await createMailing(milepost, { ...mailing, id: "late", filter: { tag: "new" }, lateJoiners: true });
  now = new Date("2026-11-30T20:00:00Z");
  await milepost.runOnce();
  await add(22, "UTC", "916", "new");
  await pass("2026-12-02T12:00:00Z");
  const to = async (id: string) => (await messagesOf(milepost, id)).map(({ client }) => client);
  expect([await to("operator"), await to("both"), await to("late")]).toEqual([["c20", "c21"], ["c21"], ["c21", "c22"]]);
});

test.each(["89031234567", "+79031234567", "7903123456", "790312345678", "7903123456x", ""])(
  "the phone number %j is refused",
  async (phone) => {
    const client = { client: "x", phone, operator: "903", tag: "vip", zone: "UTC" };
    await expect(putClient(milepost, client)).rejects.toMatchObject({ code: "invalid_contact" });
  },
);
