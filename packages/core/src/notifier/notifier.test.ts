import { expect, it } from "vitest";
import { accepted, ambiguous, outcomeOf, refusedPermanent, refusedTransient } from "./notifier.js";

it("reads what a notifier returned: nothing is accepted, outcomes are kept, anything else is ambiguous", () => {
  expect(outcomeOf(undefined)).toEqual(accepted());
  for (const outcome of [accepted("r"), refusedTransient("busy", 5), refusedPermanent("no"), ambiguous("?")]) {
    expect(outcomeOf(outcome)).toEqual(outcome);
  }
  for (const garbage of [null, "id-5", true, 7, {}, { kind: "ok" }, [], new Response("ok")]) {
    expect(outcomeOf(garbage).kind).toBe("ambiguous");
  }
});

it("keeps of an outcome only what can be stored", () => {
  expect(outcomeOf({ kind: "accepted", receipt: 5 })).toEqual(accepted("5"));
  expect(outcomeOf({ kind: "accepted", receipt: { id: 5 } })).toEqual(accepted());
  expect(outcomeOf({ kind: "refusedTransient", why: 503, retryAfter: "soon" })).toEqual(
    refusedTransient("no reason given"),
  );
});
