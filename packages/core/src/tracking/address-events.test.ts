import fc from "fast-check";
import { expect, test } from "vitest";
import { type AddressEvent, forbiddenBy, releaseEvent } from "./address-events.js";

const limit = { limit: 3, within: 5 };
let ids = 0;
const said = fc
  .record({
    type: fc.constantFrom("bounced" as const, "complained" as const, "unsubscribed" as const),
    bounce: fc.constantFrom("hard" as const, "soft" as const, "soft" as const, "soft" as const),
    at: fc.integer({ min: 0, max: 12 }),
    scope: fc.constantFrom("*", "news"),
    notification: fc.constantFrom("a", "b", "c", "d", null),
  })
  .map(({ type, bounce, at, scope, notification }): AddressEvent => {
    const place = { scope: type === "unsubscribed" ? scope : "*", occurredAt: new Date(at) };
    const words = { source: "s", id: `${ids++}`, notification, reason: `said at ${at}` };
    return { type, bounce: type === "bounced" ? bounce : null, ...place, ...words };
  });
const release = fc.integer({ min: 0, max: 12 }).map((at) => releaseEvent("*", new Date(at)));
const history = fc.array(fc.oneof({ weight: 8, arbitrary: said }, { weight: 1, arbitrary: release }), {
  maxLength: 12,
});

test("what is forbidden does not depend on the order in which events are known", () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (events, numbers) => {
      const shuffled = events
        .map((event) => ({ event, place: numbers.next().value as number }))
        .sort((a, b) => a.place - b.place)
        .map(({ event }) => event);
      expect(forbiddenBy(shuffled, limit)).toEqual(forbiddenBy(events, limit));
    }),
  );
});

test("an event more never allows what was forbidden before, or what arrives last would decide", () => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 10 }), said, (events, another) => {
      const scopes = new Set(forbiddenBy([...events, another], limit).map(({ scope }) => scope));
      for (const { scope } of forbiddenBy(events, limit)) expect(scopes).toContain(scope);
    }),
  );
});

test("soft bounces of one message count once, also if it says so thrice", () => {
  const soft = (id: string, notification: string | null, at: number): AddressEvent => ({
    ...{ type: "bounced", bounce: "soft", scope: "*", occurredAt: new Date(at), source: "s", id, notification },
    reason: `at ${at}`,
  });
  expect(forbiddenBy([soft("1", "a", 0), soft("2", "a", 1), soft("3", "a", 2)], limit)).toEqual([]);
  expect(forbiddenBy([soft("1", "a", 0), soft("2", "b", 1), soft("3", null, 6)], limit)).toEqual([]);
  expect(forbiddenBy([soft("1", "a", 0), soft("2", "b", 1), soft("3", null, 5)], limit)).toMatchObject([
    { scope: "*", reason: "soft_bounces", detail: "at 5" },
  ]);
});
