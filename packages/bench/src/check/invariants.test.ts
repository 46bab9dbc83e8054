import { ambiguous, createMilepost, milestone, refusedTransient, thresholds } from "@milepost/core";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { openPlace, type Place, storeNames } from "../place/place.js";
import { openPlaces, type Places } from "../place/places.js";
import { openRawTables, type RawTables } from "../place/raw-tables.js";
import { brokenInvariants } from "./invariants.js";
import { installJournal, readJournal } from "./journal.js";

// A checker that finds nothing proves nothing: each test spoils one thing in a sound run, and names what must be told.

describe.each(storeNames)("%s", (store) => {
  let places: Places;
  let place: Place;
  let raw: RawTables;

  beforeEach(async () => {
    places = await openPlaces(store, inject("databaseUrl"));
    place = await places.create();
    await installJournal(place);
    await soundRun(place);
    raw = openRawTables(place);
  });
  afterEach(async () => {
    await raw.close();
    await places.dispose();
  });

  const told = async () =>
    [...(await brokenInvariants(place))].filter(([, rows]) => rows.length > 0).map(([name]) => name);

  test("a sound run breaks no invariant, and its journal has every move", async () => {
    expect(await told()).toEqual([]);
    const moves = (await readJournal(place)).map(({ was, now }) => `${was} -> ${now}`);
    expect(new Set(moves)).toEqual(
      new Set([
        "null -> pending",
        "pending -> leased",
        "leased -> sending",
        "sending -> pending",
        "sending -> sent",
        "sending -> ambiguous",
        "ambiguous -> unknown",
      ]),
    );
  });

  const spoiled: readonly (readonly [title: string, sql: (raw: RawTables) => string, told: string])[] = [
    [
      "an attempt that is open although nothing is under way",
      ({ table }) => `UPDATE ${table("attempts")} SET outcome = NULL WHERE number = 2`,
      "I4",
    ],
    ["a gap in the attempts", ({ table }) => `UPDATE ${table("attempts")} SET number = 3 WHERE number = 2`, "I5"],
    [
      "an attempt under the fence of the one before",
      ({ table }) => `UPDATE ${table("attempts")} SET fence = 1 WHERE number = 2`,
      "I5",
    ],
    [
      "a state from nowhere",
      ({ table }) => `UPDATE ${table("notifications")} SET state = 'sending' WHERE state = 'sent'`,
      "I6",
    ],
    ["a fence that falls", ({ table }) => `UPDATE ${table("notifications")} SET fence = 0 WHERE state = 'sent'`, "I6"],
    [
      "a call after one that may have been accepted",
      ({ table }) => `UPDATE ${table("attempts")} SET outcome = 'ambiguous' WHERE outcome = 'refused_transient'`,
      "I7",
    ],
    [
      "a sent row without a receipt",
      ({ table }) => `UPDATE ${table("notifications")} SET receipt = NULL WHERE state = 'sent'`,
      "I8",
    ],
    [
      "a row that is called failed and may have been sent",
      ({ table }) => `UPDATE ${table("notifications")} SET state = 'failed' WHERE state = 'unknown'`,
      "I9",
    ],
    [
      "an ended row that holds a lease",
      ({ table }) => `UPDATE ${table("notifications")} SET lease_until = not_before WHERE state = 'sent'`,
      "I10",
    ],
    [
      "an ended row that changes",
      ({ table }) => `UPDATE ${table("notifications")} SET detail = 'later' WHERE state = 'sent'`,
      "I10",
    ],
    [
      "another Message-ID than at the first mark",
      ({ table }) => `UPDATE ${table("notifications")} SET message_id = '<other@x>' WHERE state = 'sent'`,
      "I16",
    ],
  ];

  test.each(spoiled)("%s is told", async (_, sql, invariant) => {
    await raw.run(sql(raw));
    expect(await told()).toContain(invariant);
  });
});

/** Three messages: one is sent at the second try, one at the first, one ends as unknown. */
async function soundRun(place: Place): Promise<void> {
  const opened = openPlace(place, { connections: 1 });
  const milepost = createMilepost({
    store: opened.store,
    milestones: [
      milestone({
        name: "m",
        metric: "x",
        policy: thresholds(1),
        recipients: { resolve: async ({ subject }) => [{ address: `${subject}@chaos.example` }] },
        message: { text: "hello" },
        notifier: {
          name: "n",
          channel: "email",
          mode: "at-most-once",
          async send({ to }, { attempt }) {
            if (to.address.startsWith("silent")) return ambiguous("nobody knows");
            if (to.address.startsWith("again") && attempt === 1) return refusedTransient("later");
            return { kind: "accepted", receipt: "r-1" };
          },
        },
      }),
    ],
    delivery: { retryBase: 1, retryCap: 1, ambiguousHorizon: 1 },
  });
  await milepost.recordMany(["silent", "again", "once"].map((subject) => ({ id: subject, metric: "x", subject })));
  for (;;) {
    await milepost.runOnce();
    const ends = (await milepost.notifications.list()).filter(({ state }) => state === "sent" || state === "unknown");
    if (ends.length === 3) break;
  }
  await milepost.close();
  await opened.close();
}
