import { createHook } from "node:async_hooks";
import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { httpOtherSide } from "../conformance/index.js";
import { context, message } from "../conformance/notifier-case.js";
import { addressGuard } from "./address-guard.js";
import type { Outcome } from "./notifier.js";
import { type WebhookNotifierOptions, webhookNotifier } from "./webhook-notifier.js";

// Every attempt of this process to connect, as the kernel is asked for it: the request object of libuv has the address.
const attempts: { readonly address?: string; readonly port?: number }[] = [];
const hook = createHook({
  init(_id, type, _trigger, resource) {
    if (type === "TCPCONNECTWRAP") attempts.push(resource);
  },
});
beforeAll(() => void hook.enable());
afterAll(() => void hook.disable());

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

async function send(address: string, options: Partial<WebhookNotifierOptions> = {}) {
  const notifier = webhookNotifier({ secret, allowHttp: true, timeouts: { connect: 2_000, total: 2_000 }, ...options });
  onTestFinished(() => notifier.close!());
  return (await notifier.send(message(address), context())) as Outcome;
}

/** A name server that answers with these addresses, one list a question. */
function answers(...lists: readonly (readonly string[])[]) {
  let asked = 0;
  const lookup: NonNullable<WebhookNotifierOptions["lookup"]> = (_name, _options, callback) => {
    const list = lists[Math.min(asked++, lists.length - 1)]!;
    const found = list.map((address): LookupAddress => ({ address, family: isIP(address) }));
    process.nextTick(() => callback(null, found));
  };
  return { lookup };
}

const hooks = "https://hooks.example/in";

/** Scenario S6: what a tenant may write as the address of a webhook. */
const hostile: readonly (readonly [what: string, address: string, options?: Partial<WebhookNotifierOptions>])[] = [
  ["loopback", "http://127.0.0.1:PORT/"],
  ["elsewhere in loopback", "http://127.255.255.254:PORT/"],
  ["loopback in one number", "http://2130706433:PORT/"],
  ["loopback in hexadecimal", "http://0x7f000001:PORT/"],
  ["loopback in octal", "http://0177.0.0.01:PORT/"],
  ["loopback in short", "http://127.1:PORT/"],
  ["loopback in other digits", "http://①②⑦.⓪.⓪.①:PORT/"],
  ["this host", "http://0:PORT/"],
  ["this network", "http://0.0.0.0:PORT/"],
  ["a private network, 10/8", "https://10.0.0.1/"],
  ["a private network, 172.16/12", "https://172.31.255.255/"],
  ["a private network, 192.168/16", "https://192.168.1.1/"],
  ["shared address space, 100.64/10", "https://100.64.0.1/"],
  ["a cloud's metadata", "http://169.254.169.254/latest/meta-data/"],
  ["benchmarking, 198.18/15", "https://198.19.0.1/"],
  ["multicast", "https://224.0.0.1/"],
  ["broadcast", "https://255.255.255.255/"],
  ["IPv6 loopback", "http://[::1]:PORT/"],
  ["IPv6 unspecified", "http://[::]:PORT/"],
  ["mapped IPv4", "http://[::ffff:127.0.0.1]:PORT/"],
  ["mapped IPv4 in hexadecimal", "http://[::ffff:a9fe:a9fe]/"],
  ["compatible IPv4", "http://[::127.0.0.1]:PORT/"],
  ["unique local", "https://[fd00::1]/"],
  ["a cloud's metadata over IPv6", "http://[fd00:ec2::254]/"],
  ["link-local", "https://[fe80::1]/"],
  ["IPv6 multicast", "https://[ff02::1]/"],
  ["NAT64 of loopback", "https://[64:ff9b::7f00:1]/"],
  ["local NAT64 of metadata", "https://[64:ff9b:1::a9fe:a9fe]/"],
  ["6to4 of a private network", "https://[2002:0a00:0001::1]/"],
  ["Teredo", "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/"],
  ["localhost", "http://localhost:PORT/"],
  ["localhost with its dot", "http://localhost.:PORT/"],
  ["a name of a private address", hooks, answers(["10.1.2.3"])],
  ["a name of mapped metadata", hooks, answers(["::ffff:169.254.169.254"])],
  ["a name of several, all private", hooks, answers(["127.0.0.1", "fd00::7", "192.168.0.9"])],
  ["a file", "file:///etc/passwd"],
  ["gopher", "gopher://127.0.0.1:PORT/_GET%20/"],
  ["a user and a password", "http://user:pass@127.0.0.1:PORT/"],
  ["port 25", "http://mail.example:25/", answers(["93.184.215.14"])],
  ["a port of the system's", "http://hooks.example:22/", answers(["93.184.215.14"])],
];

describe("S6: a webhook is not sent to", () => {
  let reached = 0;
  it.each(hostile.map(([what, address, options]) => [what, address, options ?? {}] as const))(
    "%s",
    async (...given) => {
      const [, address, options] = given;
      const side = await httpOtherSide({ keyHeader: "webhook-id" });
      onTestFinished(() => side.close());
      const before = attempts.length;
      const outcome = await send(address.replace("PORT", String(side.port)), options);
      // a name that this machine does not know may be known later; all else is refused for good
      expect(outcome.kind).toMatch(address.includes("localhost.") ? /^refused/ : /^refusedPermanent$/);
      reached += attempts.slice(before).length;
      expect(attempts.slice(before)).toEqual([]);
      expect(side.connections).toBe(0);
      // no word about where it led to: a tenant could read the inner network from it
      expect(JSON.stringify(outcome)).not.toMatch(/\d+\.\d+\.\d+|::|example|PORT/);
    },
  );

  afterAll(() => {
    expect(hostile).toHaveLength(40);
    console.log(`S6: connections to blocked ranges ${reached} / ${hostile.length}`);
  });
});

describe("what is looked at is what is connected to:", () => {
  // 127.0.0.2 stands for a public address, 127.0.0.1 for an inner one
  const allowAddresses = ["127.0.0.2"];

  it("a name whose second answer is private is not connected to, whatever the first one was", async () => {
    const side = await httpOtherSide({ keyHeader: "webhook-id" });
    onTestFinished(() => side.close());
    const { lookup } = answers(["127.0.0.2"], ["127.0.0.1"]);
    const notifier = webhookNotifier({ secret, allowHttp: true, allowAddresses, lookup });
    const before = attempts.length;
    const outcomes = [];
    for (let i = 0; i < 3; i++) {
      outcomes.push(await notifier.send(message(`http://hooks.example:${side.port}/`), context()));
    }
    // the first one did go out: without it this test would show nothing
    expect(attempts.slice(before).map(({ address }) => address)).toEqual(["127.0.0.2"]);
    expect(outcomes.slice(1).map((outcome) => outcome?.kind)).toEqual(["refusedPermanent", "refusedPermanent"]);
    expect(side.connections).toBe(0);
  });

  it("of several answers only the public ones are tried", async () => {
    const before = attempts.length;
    await send("http://hooks.example:9/", {
      allowAddresses,
      ports: [9],
      ...answers(["127.0.0.1", "127.0.0.2", "::1"]),
    });
    expect(attempts.slice(before).map(({ address }) => address)).toEqual(["127.0.0.2"]);
  });

  it("a host's own network can be allowed, and what is allowed is reached", async () => {
    const side = await httpOtherSide({ keyHeader: "webhook-id" });
    onTestFinished(() => side.close());
    const own = { allowAddresses: ["127.0.0.0/8"] };
    expect((await send(`http://127.0.0.1:${side.port}/`, own)).kind).toBe("accepted");
    expect((await send(`http://hooks.example:${side.port}/`, { ...own, ...answers(["127.0.0.1"]) })).kind).toBe(
      "accepted",
    );
    expect(side.connections).toBe(2);
  });

  it("plain http needs to be allowed, and a list of ports is the whole list", async () => {
    const own = { allowAddresses: ["127.0.0.0/8"] };
    const before = attempts.length;
    const plain = await send("http://127.0.0.1:8080/", { ...own, allowHttp: false });
    expect(plain).toEqual({ kind: "refusedPermanent", why: "its address does not begin with https:" });
    for (const port of [80, 443, 8081]) {
      const outcome = await send(`http://127.0.0.1:${port}/`, { ...own, ports: [8080] });
      expect(outcome).toEqual({ kind: "refusedPermanent", why: "its port may not be called" });
    }
    expect(attempts.slice(before)).toEqual([]);
  });
});

describe("the guard", () => {
  const guard = addressGuard([]);

  it.each(["8.8.8.8", "1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"])(
    "takes %s",
    (address) => expect(guard.allows(address)).toBe(true),
  );

  it.each(["", "localhost", "127.0.0.1.", "0x7f.1", "fe80::1%eth0", "2606:4700::1111%lo", "::ffff:8.8.8.8"])(
    "does not take %j",
    (address) => expect(guard.allows(address)).toBe(false),
  );

  it("takes no IPv4 address that a mapped, NAT64 or 6to4 one would lead around it to", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const hex = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
        const pair = `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`;
        for (const each of [`::ffff:${address}`, `::${pair}`, `64:ff9b::${pair}`, `2002:${pair}::1`]) {
          expect(guard.allows(each)).toBe(false);
        }
      }),
    );
  });

  it("of IPv6 takes global unicast only", () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const first = Number.parseInt(address.split(":")[0] || "0", 16);
        if (guard.allows(address)) expect(first >> 13).toBe(1);
      }),
    );
  });
});
