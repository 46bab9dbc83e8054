import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { parseMailbox } from "./mailbox.js";

const read = (text: unknown) => {
  const mailbox = parseMailbox(text);
  return "problem" in mailbox ? null : mailbox.address;
};

describe("a mailbox", () => {
  test.each([
    ["olga@acme.example", "olga@acme.example"],
    ["  Olga.Maier+1@ACME.Example ", "Olga.Maier+1@acme.example"],
    ["root@localhost", "root@localhost"],
    ["info@Büro.example", "info@xn--bro-hoa.example"],
    ["info@bu\u0308ro.example", "info@xn--bro-hoa.example"],
    ["o'hara=x@acme.example", "o'hara=x@acme.example"],
    [`${"a".repeat(64)}@acme.example`, `${"a".repeat(64)}@acme.example`],
  ])("%s is %s", (given, address) => {
    expect(read(given)).toBe(address);
  });

  test.each([
    ["two of them", "a@x.example, b@y.example"],
    ["two of them in a group", "all: a@x.example, b@y.example;"],
    ["a name with it", "Olga <olga@acme.example>"],
    ["a quoted local part", '"evil@x x"@corp.example'],
    ["a comment", "user@good(x)evil.example"],
    ["a comment before the domain", "user(x)@good.example"],
    ["two @", "a@b@c.example"],
    ["a route", "@a.example:b@c.example"],
    ["an IP address", "a@127.0.0.1"],
    ["an address literal", "a@[127.0.0.1]"],
    ["what a resolver may take for an IP address", "a@0x7f.1"],
    ["a line break", "a@x.example\r\nBcc: b@y.example"],
    ["a NUL", "a\0@x.example"],
    ["a source route with %, of which the domain is not the last", "a%b@c@d.example"],
    ["no domain", "a@"],
    ["no local part", "@x.example"],
    ["an empty label", "a@x..example"],
    ["a label that begins with a hyphen", "a@-x.example"],
    ["a label of 64", `a@${"x".repeat(64)}.example`],
    ["a local part of 65", `${"a".repeat(65)}@x.example`],
    ["more than 254 in all", `a@${"x.".repeat(130)}example`],
    ["a local part beyond ASCII", "ölga@acme.example"],
    ["a fullwidth @", "a＠x.example"],
    ["nothing", ""],
    ["no text", { address: "a@x.example" }],
    ["a list", ["a@x.example"]],
  ])("is not %s", (_, given) => {
    expect(read(given)).toBeNull();
  });

  it("says why in words that have no part of the address", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{6,20}$/), fc.string({ unit: "binary" }), (canary, noise) => {
        const mailbox = parseMailbox(`${canary}${noise}@${canary}${noise}`);
        if ("problem" in mailbox) expect(mailbox.problem).not.toContain(canary);
      }),
    );
  });

  it("is read once: reading what was read changes nothing", () => {
    const domain = fc.oneof(fc.domain(), fc.stringMatching(/^[a-zäöüßÀ-ž\u0430-\u044f\u4e00-\u4eff-]{1,20}\.example$/));
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~]{1,20}$/), domain, (local, host) => {
        const address = read(`${local}@${host}`);
        if (address !== null) expect(read(address)).toBe(address);
      }),
      { numRuns: 5_000 },
    );
  });

  test("hostile nesting is read in at most 5 ms", () => {
    const hostile = [
      `${"(".repeat(10_000)}a@x.example${")".repeat(10_000)}`,
      `${"g:".repeat(10_000)}a@x.example${";".repeat(10_000)}`,
      `${"<".repeat(10_000)}a@x.example${">".repeat(10_000)}`,
      `${'"'.repeat(10_001)}@x.example`,
      `a@${"x.".repeat(5_000_000)}`,
      `a@${"x-".repeat(250)}`,
      `${"a.".repeat(250)}@x.example`,
      `a@${"\u0430.".repeat(250)}`,
      "@".repeat(500),
    ];
    parseMailbox("warm@x.example");
    for (const text of hostile) {
      const times = [1, 2, 3].map(() => {
        const started = performance.now();
        expect(read(text)).toBeNull();
        return performance.now() - started;
      });
      expect(Math.min(...times), text.slice(0, 30)).toBeLessThanOrEqual(5);
    }
  });
});
