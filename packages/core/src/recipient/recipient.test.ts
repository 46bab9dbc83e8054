import { describe, expect, it } from "vitest";
import { addressSchema, parseRecipient, recipientKey } from "./recipient.js";

const dressed = [
  "Ann <A@B.example>",
  '"Ann <x@y.example>" <a@b.example>',
  " <a@b.example> ",
  "mailto:a@b.example",
  " MailTo: a@b.example?subject=hello",
];
const chats = ["<@U1>", "<@U1|ann>", "<#C1|general>", "<!subteam^S1|@eng>", "Ann <3", "https://chat.example/<a>"];

describe("recipientKey", () => {
  it("takes off what a header or a link puts around a mailbox, and nothing from another address", () => {
    expect(new Set(dressed.map(recipientKey))).toEqual(new Set(["a@b.example"]));
    for (const address of chats) expect(recipientKey(address).toLowerCase()).toBe(address.toLowerCase());
  });

  it("is the same for one mailbox however it is written", () => {
    const same = ["Info@Büro.example", " info@büro.example ", "INFO@xn--bro-hoa.example", "info@BU\u0308RO.example"];
    expect(new Set(same.map(recipientKey))).toEqual(new Set(["info@xn--bro-hoa.example"]));
  });

  it("is the same for one mailbox with any character that a local part may have", () => {
    const atext = "a0!#$%&'*+-/=?^_`{|}~.b";
    for (const local of [atext, "sales/eu", "olga#news", "what?", "//a"]) {
      expect(recipientKey(`${local.toUpperCase()}@Büro.Example`)).toBe(`${local}@xn--bro-hoa.example`);
    }
  });

  it("tells apart what is no mailbox by every character: paths and tokens are case-sensitive", () => {
    const urls = [
      "https://key@hooks.example/1",
      "https://key@hooks.example/2",
      "https://key@hooks.example/a",
      "https://key@hooks.example/A",
      "https://Key@hooks.example",
      "sip:Olga@Acme.example",
      "olga@acme.example/Phone",
    ];
    expect(urls.map(recipientKey)).toEqual(urls);
    expect(recipientKey(" +7 900 ")).toBe("+7 900");
  });

  it("replaces an address that is too long for a key by its hash", () => {
    const long = (end: string) => recipientKey(`https://hooks.example/${"x".repeat(250)}${end}`);
    expect(long("a")).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(long("a")).not.toBe(long("b"));
  });
});

describe("parseRecipient", () => {
  it("keeps the known fields and takes null for absent", () => {
    const member = { id: "1", address: "o@acme.example", name: null, firstName: "Olga", role: undefined };
    expect(parseRecipient(member, "recipients[0]")).toEqual({ address: "o@acme.example", firstName: "Olga" });
  });

  it("names the field that is wrong", () => {
    const refused = (input: unknown, path: string) =>
      expect(() => parseRecipient(input, "recipients[0]")).toThrow(
        expect.objectContaining({ code: "invalid_recipient", path }),
      );
    refused(undefined, "recipients[0]");
    refused({}, "recipients[0].address");
    refused({ address: null }, "recipients[0].address");
    refused({ address: "a@b.example", name: "two\u2028lines" }, "recipients[0].name");
  });

  it("takes an address as it is given, dressed too: its notifier refuses what it cannot use, and that one alone", () => {
    for (const address of [...dressed, ...chats]) {
      expect(parseRecipient({ address }, "recipients[0]")).toEqual({ address });
    }
  });
});

describe("an address of a call", () => {
  it("is the bare one, and a chat's id has nothing to take off", () => {
    for (const address of dressed) expect(addressSchema.safeParse(address).success, address).toBe(false);
    for (const address of chats) expect(addressSchema.safeParse(address).success, address).toBe(true);
  });
});
