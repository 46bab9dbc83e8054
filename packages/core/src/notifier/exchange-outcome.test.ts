import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Exchange } from "./exchange.js";
import { outcomeOfExchange } from "./exchange-outcome.js";
import { accepted, ambiguous, refusedPermanent, refusedTransient, unavailable } from "./notifier.js";
import { retryAfterOf } from "./retry-after.js";

const now = new Date("2026-11-21T12:00:00Z");
const rules = { now, keyed: false, shared: false, receipt: null };
const answered = (status: number, fields: Partial<Extract<Exchange, { kind: "answered" }>> = {}): Exchange => {
  return { kind: "answered", status, headers: {}, body: null, early: false, ...fields };
};

describe("an exchange is understood as", () => {
  it.each([200, 201, 202, 204, 299])("%i: accepted", (status) => {
    expect(outcomeOfExchange(answered(status), { ...rules, receipt: "r" })).toEqual(accepted("r"));
  });
  it.each([425, 429, 503])("%i: refused for now", (status) => {
    expect(outcomeOfExchange(answered(status), rules)).toEqual(refusedTransient(`status ${status}`));
    const headers = { "retry-after": "7" };
    expect(outcomeOfExchange(answered(status, { headers }), rules)).toEqual(
      refusedTransient(`status ${status}`, 7_000),
    );
  });
  it.each([300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451, 499])(
    "%i: refused for good",
    (status) => expect(outcomeOfExchange(answered(status), rules)).toEqual(refusedPermanent(`status ${status}`)),
  );
  it.each([303, 408, 500, 501, 502, 504, 505, 507, 520, 599])("%i: ambiguous", (status) => {
    expect(outcomeOfExchange(answered(status), rules)).toEqual(ambiguous(`status ${status}`));
  });
  it("409: ambiguous where a key was sent, as the call before with this key may be under way", () => {
    expect(outcomeOfExchange(answered(409), { ...rules, keyed: true })).toEqual(ambiguous("status 409"));
  });

  it("never accepted or ambiguous for a definite no, and never refused where the body may have been taken", () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fc.boolean(), fc.boolean(), (status, early, keyed) => {
        const { kind } = outcomeOfExchange(answered(status, { early }), { ...rules, keyed });
        if (early && status >= 300) expect(kind).toMatch(/^refused/);
        if (early && status < 300) expect(kind).toBe("ambiguous");
        if (!early && status < 300) expect(kind).toBe("accepted");
        if (!early && status >= 500 && status !== 503) expect(kind).toBe("ambiguous");
      }),
    );
  });

  it("unavailable where the next message would meet the same: the one side of all of them is down, or busy", () => {
    const shared = { ...rules, shared: true };
    expect(outcomeOfExchange({ kind: "unsent", why: "w", because: "unreachable" }, shared)).toEqual(unavailable("w"));
    const headers = { "retry-after": "7" };
    for (const status of [429, 503]) {
      const outcome = unavailable(`status ${status}`, 7_000);
      expect(outcomeOfExchange(answered(status, { headers }), shared)).toEqual(outcome);
    }
    expect(outcomeOfExchange(answered(425), shared)).toEqual(refusedTransient("status 425"));
    expect(outcomeOfExchange({ kind: "unsent", why: "w", because: "other" }, shared)).toEqual(refusedTransient("w"));
  });

  it("refused for good where the address may not be called", () => {
    expect(outcomeOfExchange({ kind: "unsent", why: "w", because: "blocked" }, rules)).toEqual(refusedPermanent("w"));
    for (const because of ["unreachable", "other"] as const) {
      expect(outcomeOfExchange({ kind: "unsent", why: "w", because }, rules)).toEqual(refusedTransient("w"));
    }
    expect(outcomeOfExchange({ kind: "unanswered", why: "w" }, rules)).toEqual(ambiguous("w"));
  });
});

describe("Retry-After", () => {
  it.each([
    ["0", null, 0],
    ["120", null, 120_000],
    [" 120 ", null, 120_000],
    ["99999999", null, 86_400_000],
    ["Sat, 21 Nov 2026 12:01:00 GMT", null, 60_000],
    ["Sat, 21 Nov 2026 11:00:00 GMT", null, 0],
    ["Thu, 31 Dec 9999 23:59:59 GMT", null, 86_400_000],
    // the other side's clock is an hour ahead: what it means is a minute
    ["Sat, 21 Nov 2026 13:01:00 GMT", "Sat, 21 Nov 2026 13:00:00 GMT", 60_000],
    ["Sat, 21 Nov 2026 12:01:00 GMT", "yesterday", 60_000],
    ["", null, null],
    ["-5", null, null],
    ["1.5", null, null],
    ["1e3", null, null],
    ["soon", null, null],
    ["2026-11-21T12:01:00Z", null, null],
    ["Sat, 99 Nov 2026 12:01:00 GMT", null, null],
  ])("%j with the date %j is %j ms", (asked, date, expected) => {
    expect(retryAfterOf({ "retry-after": asked, ...(date !== null && { date }) }, now)).toBe(expected);
  });

  it("is a wait of up to a day, or none, whatever it says", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string()), (asked, date) => {
        const wait = retryAfterOf({ "retry-after": asked, ...(date !== null && { date }) }, now);
        expect(wait === null || (wait >= 0 && wait <= 86_400_000)).toBe(true);
      }),
    );
  });
});
