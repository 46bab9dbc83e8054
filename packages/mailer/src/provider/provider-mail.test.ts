import { keyRing, memoryStore, type ProviderCredentials } from "@milepost/core";
import { afterEach, describe, expect, it } from "vitest";
import { type TokenTestServerOptions, tokenTestServer } from "../testing/index.js";
import {
  accountAt,
  guardedServer,
  mailEngine,
  newKey,
  person,
  StillClock,
  statesOf,
  tell,
  untilSent,
} from "./provider-samples.js";

const minute = 60_000;
const hour = 60 * minute;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function mailServer() {
  const { server, doorman } = await guardedServer();
  ends.push(() => server.close());
  return { server, doorman, recipients: () => server.messages.flatMap(({ recipients }) => recipients) };
}

function engine(options: Parameters<typeof mailEngine>[0] = {}) {
  const milepost = mailEngine(options);
  ends.push(() => milepost.close());
  return milepost;
}

async function tokens(options: Partial<TokenTestServerOptions> = {}) {
  const server = await tokenTestServer({ refreshTokens: ["refresh-0"], ...options });
  ends.push(() => server.close());
  return server;
}

/** A kind whose accounts have tokens, at servers of this machine. */
const kindAt = ({ host, port }: { host: string; port: number }, tokenUrl: string) => ({
  gmail: { host, port, secure: false, requireTLS: false, tokenUrl },
});
const grant = (fields: object = {}): ProviderCredentials => ({
  ...{ type: "oauth2", user: "shop@gmail.example", clientId: "app", clientSecret: "app-secret" },
  ...{ refreshToken: "refresh-0", scopes: ["openid", "https://mail.google.com/"] },
  ...fields,
});
const gmail = { id: "gmail", kind: "gmail", sender: { address: "shop@gmail.example" }, settings: {}, ...person };

describe("messages through accounts", () => {
  it("go out by the primary one, from its address and with its login, and its quota is shown", async () => {
    const { server, doorman } = await mailServer();
    const clock = new StillClock();
    const milepost = engine({ clock });
    await milepost.providers.add(accountAt(server, { replyTo: { address: "help@shop.example" } }));
    const spare = await milepost.providers.add(accountAt(server, { id: "spare", primary: true }));
    expect(JSON.stringify(spare)).not.toContain("secret-of");
    expect(spare).toMatchObject({ quota: { count: 500, per: "day:UTC" }, used: 0, free: 500, hasCredentials: true });
    expect(spare.resetsAt).toEqual(new Date("2026-11-03T00:00:00Z"));
    await tell(milepost, 3);
    await milepost.runOnce();
    expect(await statesOf(milepost)).toEqual({ sent: 3 });
    expect(new Set(doorman.logins)).toEqual(new Set(["spare:secret-of-spare"]));
    expect(server.messages.map(({ from }) => from)).toEqual(Array(3).fill("spare@shop.example"));
    const [main, used] = await milepost.providers.list();
    expect([main!.id, main!.primary, used!.used, used!.free, used!.lane]).toEqual([
      "main",
      false,
      3,
      497,
      "mail/spare",
    ]);
    await milepost.providers.makePrimary({ id: "main", ...person });
    await tell(milepost, 1, "again");
    await milepost.runOnce();
    expect(server.messages.at(-1)!.bytes.toString()).toMatch(/^Reply-To: help@shop\.example\r$/m);
  });

  it("wait while the tenant has no account, and go out when it has one", async () => {
    const { server } = await mailServer();
    const milepost = engine();
    await tell(milepost, 2);
    await milepost.runOnce();
    expect(await statesOf(milepost)).toEqual({ pending: 2 });
    await milepost.providers.add(accountAt(server, { tenant: "other" }));
    await milepost.runOnce();
    expect(await statesOf(milepost)).toEqual({ pending: 2 });
    await milepost.providers.add(accountAt(server));
    await milepost.runOnce();
    expect(await statesOf(milepost)).toEqual({ sent: 2 });
  });

  it("go by what the account is at the moment: a change closes its connections", async () => {
    const { server, doorman } = await mailServer();
    const milepost = engine();
    await milepost.providers.add(accountAt(server));
    await tell(milepost, 1, "a");
    await milepost.runOnce();
    const credentials = { type: "password", user: "main", password: "another" } as const;
    await milepost.providers.change({ id: "main", ...person, sender: { address: "new@shop.example" }, credentials });
    await tell(milepost, 1, "b");
    await milepost.runOnce();
    expect(doorman.logins).toEqual(["main:secret-of-main", "main:another"]);
    expect(server.messages.map(({ from }) => from)).toEqual(["main@shop.example", "new@shop.example"]);
  });

  it("are refused an account that cannot be one, by the path of what is wrong and without its secrets", async () => {
    const milepost = engine({ mail: { allowServer: ({ host }) => host !== "10.0.0.1" } });
    const at = (fields: object) => milepost.providers.add(accountAt({ host: "mail.example.com", port: 587 }, fields));
    const refusals: readonly (readonly [object, string])[] = [
      [{ kind: "pigeon" }, "kind"],
      [{ sender: { address: "no mailbox" } }, "sender.address"],
      [{ settings: {} }, "settings.host"],
      [{ settings: { host: "10.0.0.1" } }, "settings.host"],
      [{ settings: { host: "a.example", password: "hunter2" } }, "settings.password"],
      [{ credentials: { type: "password", user: "u", password: "two\r\nlines" } }, "credentials.password"],
      [{ credentials: grant() }, "credentials.type"],
      [{ id: "a/b" }, "id"],
      [{ notifier: "smtp" }, "notifier"],
    ];
    for (const [fields, path] of refusals) {
      const error = await at(fields).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "invalid_options", path });
      expect(String(error)).not.toMatch(/hunter2|two|lines|refresh-0/);
    }
    expect(await milepost.providers.list()).toEqual([]);
  });
});

describe("an account whose login is refused", () => {
  it("fails with its error, burns no attempt, and others send what waits for it, each once", async () => {
    const { server, doorman, recipients } = await mailServer();
    const clock = new StillClock();
    const milepost = engine({ clock });
    await milepost.providers.add(accountAt(server));
    await milepost.providers.add(accountAt(server, { id: "next", order: 1 }));
    doorman.refuse = (login) => login.startsWith("main:");
    await tell(milepost, 40);
    await untilSent(milepost, 40, clock);
    expect(new Set(recipients()).size).toBe(40);
    expect(recipients()).toHaveLength(40);
    const [main] = await milepost.providers.list();
    expect(main).toMatchObject({ state: "failing", id: "main" });
    expect(main!.detail).toMatch(/^535 5\.7\.8 .* not accepted \(to AUTH PLAIN\)$/);
    const rows = await milepost.notifications.list({ limit: 100 });
    expect(rows.every(({ attempts, excused }) => attempts - excused === 1)).toBe(true);
    const tried = rows.find(({ excused }) => excused > 0)!;
    const story = await milepost.explain({ notification: tried.id });
    expect(story!.notifications[0]!.acts).toMatchObject([
      { act: "failover", by: "milepost", why: 'moved from mail/main to mail/next: account "main" is failing' },
    ]);
    expect((await milepost.verify()).sound).toBe(true);
  });

  it("is well again with other credentials, and what goes out meanwhile stays where it is", async () => {
    const { server, doorman } = await mailServer();
    const clock = new StillClock();
    const milepost = engine({ clock });
    await milepost.providers.add(accountAt(server));
    doorman.refuse = (login) => login.endsWith("secret-of-main");
    await tell(milepost, 5);
    await milepost.runOnce();
    expect([await statesOf(milepost), server.messages.length]).toEqual([{ pending: 5 }, 0]);
    const tries = doorman.logins.length;
    clock.advance(hour);
    await milepost.runOnce();
    expect(doorman.logins.length, "nobody asks again").toBe(tries);
    const credentials = { type: "password", user: "main", password: "right" } as const;
    const fixed = await milepost.providers.change({ id: "main", ...person, credentials });
    expect(fixed.state).toBe("active");
    await milepost.runOnce();
    expect(await statesOf(milepost)).toEqual({ sent: 5 });
  });

  it("is told by a validation, too, and a good one makes it active; of no answer it is only noted", async () => {
    const { server, doorman } = await mailServer();
    const clock = new StillClock();
    const milepost = engine({ clock });
    await milepost.providers.add(accountAt(server));
    const validate = () => milepost.providers.validate({ id: "main", ...person });
    expect(await validate()).toMatchObject({ state: "active", validatedAt: clock.now(), validationError: null });
    doorman.refuse = () => true;
    expect(await validate()).toMatchObject({ state: "failing", validationError: expect.stringMatching(/^535/) });
    doorman.refuse = () => false;
    expect(await validate()).toMatchObject({ state: "active", detail: null, validationError: null });
    await server.close();
    expect(await validate()).toMatchObject({
      state: "active",
      validationError: expect.stringContaining("ECONNREFUSED"),
    });
    expect(server.messages).toEqual([]);
  });
});

describe("access tokens", () => {
  it("are renewed once for all calls at once, and the refresh token that came with it is the next one's", async () => {
    const { server, doorman } = await mailServer();
    const tokenServer = await tokens({ rotates: true });
    const clock = new StillClock();
    const milepost = engine({ clock, mail: { kinds: kindAt(server, tokenServer.url), connections: 5 } });
    await milepost.providers.add({ ...gmail, credentials: grant() });
    await tell(milepost, 30, "a");
    await milepost.runOnce({ concurrency: 15 });
    expect([await statesOf(milepost), tokenServer.requests.length]).toEqual([{ sent: 30 }, 1]);
    expect(tokenServer.requests[0]!.form).toMatchObject({
      grant_type: "refresh_token",
      scope: "https://mail.google.com/",
    });
    expect(new Set(doorman.logins)).toEqual(new Set(["shop@gmail.example:access-1"]));
    clock.advance(hour - 6 * minute);
    await tell(milepost, 1, "b");
    await milepost.runOnce();
    expect(tokenServer.requests.length).toBe(1);
    clock.advance(2 * minute);
    await tell(milepost, 10, "c");
    await milepost.runOnce();
    expect(tokenServer.requests.map(({ refreshToken }) => refreshToken)).toEqual(["refresh-0", "refresh-1"]);
    expect(doorman.logins.at(-1)).toBe("shop@gmail.example:access-2");
  });

  it("are renewed once for several processes", async () => {
    const { server } = await mailServer();
    const tokenServer = await tokens({ rotates: true });
    const store = memoryStore();
    const ring = keyRing({ current: "k1", keys: { k1: newKey() } });
    const mail = { kinds: kindAt(server, tokenServer.url) };
    const all = Array.from({ length: 4 }, () => engine({ store, ring, mail }));
    await all[0]!.providers.add({ ...gmail, credentials: grant() });
    await tell(all[0]!, 40);
    await Promise.all(all.map((milepost) => milepost.runOnce({ concurrency: 5 })));
    for (let i = 0; i < 3; i++) await all[i]!.runOnce();
    expect(tokenServer.requests.length).toBe(1);
    expect(await statesOf(all[0]!)).toEqual({ sent: 40 });
    expect(server.messages).toHaveLength(40);
  });

  it.each([
    ["gives garbage", { status: 200, body: "<html>" }],
    ["gives tokens that cannot be written", { status: 200, json: { access_token: "a\r\nQUIT", token_type: "bearer" } }],
    ["gives another kind of token", { status: 200, json: { access_token: "a", token_type: "mac" } }],
    ["gives no token", { status: 200, json: { ok: true } }],
    ["is down", { status: 503, json: { error: "temporarily_unavailable" } }],
    ["sends elsewhere", { status: 302, body: "", headers: { location: "http://127.0.0.1:1/" } }],
    ["hangs up", "cut" as const],
  ])("of a server that %s cost no attempt and no account: it is asked again later", async (_, answer) => {
    const { server } = await mailServer();
    const tokenServer = await tokens({ answer: ({ number }) => (number <= 2 ? answer : undefined) });
    const clock = new StillClock();
    const milepost = engine({ clock, mail: { kinds: kindAt(server, tokenServer.url) } });
    await milepost.providers.add({ ...gmail, credentials: grant() });
    await tell(milepost, 3);
    await untilSent(milepost, 3, clock);
    const [account] = await milepost.providers.list();
    expect(account!.state).toBe("active");
    const rows = await milepost.notifications.list();
    expect(rows.every(({ attempts, excused }) => attempts - excused === 1)).toBe(true);
  });

  it("that hold still are used while a slow server renews them, or cannot", async () => {
    const { server, doorman } = await mailServer();
    const tokenServer = await tokens({ answer: () => ({ status: 500, body: "" }) });
    const clock = new StillClock();
    const milepost = engine({ clock, mail: { kinds: kindAt(server, tokenServer.url) } });
    const expiresAt = new Date(clock.now().getTime() + 2 * minute);
    await milepost.providers.add({ ...gmail, credentials: grant({ accessToken: "old", expiresAt }) });
    await tell(milepost, 4);
    await milepost.runOnce();
    expect(await statesOf(milepost)).toEqual({ sent: 4 });
    expect(new Set(doorman.logins)).toEqual(new Set(["shop@gmail.example:old"]));
    expect(tokenServer.requests.length).toBeGreaterThan(0);
  });

  it("whose grant was revoked make the account failing, and what waits goes out by another", async () => {
    const { server, recipients } = await mailServer();
    const tokenServer = await tokens();
    tokenServer.revoke("refresh-0");
    const clock = new StillClock();
    const milepost = engine({ clock, mail: { kinds: kindAt(server, tokenServer.url) } });
    await milepost.providers.add({ ...gmail, credentials: grant() });
    await milepost.providers.add(accountAt(server, { id: "next", order: 1 }));
    await tell(milepost, 25);
    await untilSent(milepost, 25, clock);
    expect(new Set(recipients()).size).toBe(25);
    expect(recipients()).toHaveLength(25);
    const [account] = await milepost.providers.list();
    expect(account).toMatchObject({ state: "failing", detail: "the token server refused: invalid_grant" });
    expect(tokenServer.requests.length).toBe(1);
    const again = await milepost.providers.validate({ id: "gmail", ...person });
    expect(again).toMatchObject({ state: "failing", validationError: "the token server refused: invalid_grant" });
  });

  it("that the mail server refuses before their end are renewed once; if the new one is refused too, the account fails", async () => {
    const { server, doorman } = await mailServer();
    const tokenServer = await tokens();
    const clock = new StillClock();
    const milepost = engine({ clock, mail: { kinds: kindAt(server, tokenServer.url) } });
    const expiresAt = new Date(clock.now().getTime() + hour);
    await milepost.providers.add({ ...gmail, credentials: grant({ accessToken: "revoked", expiresAt }) });
    doorman.refuse = (login) => login.endsWith(":revoked");
    await tell(milepost, 3, "a");
    await untilSent(milepost, 3, clock);
    expect(tokenServer.requests.length).toBe(1);
    doorman.refuse = () => true;
    server.cutAll();
    await tell(milepost, 3, "b");
    for (let pass = 0; pass < 5; pass++) {
      await milepost.runOnce();
      clock.advance(15_000);
    }
    const [account] = await milepost.providers.list();
    expect(account).toMatchObject({ state: "failing", detail: expect.stringMatching(/^535/) });
    expect(tokenServer.requests.length).toBeLessThanOrEqual(3);
    expect(await statesOf(milepost)).toEqual({ sent: 3, pending: 3 });
  });
});

describe("an account's quota", () => {
  it("is never passed, and what has no room goes out through the next account that has", async () => {
    const { server, recipients } = await mailServer();
    const clock = new StillClock();
    const milepost = engine({ clock });
    const quota = { count: 20, per: "day:UTC" } as const;
    await milepost.providers.add(accountAt(server, { quota }));
    await milepost.providers.add(accountAt(server, { id: "next", order: 1, quota: { count: 15, per: "day:UTC" } }));
    await tell(milepost, 50);
    await milepost.runOnce();
    const from = () => {
      const counts: Record<string, number> = {};
      for (const message of server.messages) counts[message.from] = (counts[message.from] ?? 0) + 1;
      return counts;
    };
    expect(from()).toEqual({ "main@shop.example": 20, "next@shop.example": 15 });
    const [main] = await milepost.providers.list();
    expect([main!.used, main!.free, main!.state]).toEqual([20, 0, "active"]);
    clock.advance(12 * hour);
    await milepost.runOnce();
    expect(from()).toEqual({ "main@shop.example": 35, "next@shop.example": 15 });
    expect(new Set(recipients()).size).toBe(50);
    expect((await milepost.verify()).sound).toBe(true);
  });
});

describe("secrets of accounts", () => {
  it("are sealed anew with another key while messages go out, and none fails", async () => {
    const { server } = await mailServer();
    const store = memoryStore();
    const [k1, k2] = [newKey(), newKey()];
    const before = engine({ store, ring: keyRing({ current: "k1", keys: { k1, k2 } }) });
    const after = engine({ store, ring: keyRing({ current: "k2", keys: { k1, k2 } }) });
    for (let i = 0; i < 8; i++) await before.providers.add(accountAt(server, { tenant: `t${i}`, quota: null }));
    for (let i = 0; i < 8; i++) {
      await before.record({ tenant: `t${i}`, id: "e", metric: "invoice.sent", subject: "s", amount: 50 });
    }
    const sending = Promise.all([before.runOnce(), after.runOnce()]);
    const resealed = await after.providers.reseal();
    const failed = await before.providers.reseal();
    const back = await after.providers.reseal();
    await sending;
    expect([resealed, failed, back].map((each) => each.resealed)).toEqual([8, 8, 8]);
    const only = engine({ store, ring: keyRing({ current: "k2", keys: { k2 } }) });
    expect(await only.providers.reseal()).toEqual({ resealed: 0, unreadable: 0 });
    let attempts = 0;
    for (let i = 0; i < 8; i++) {
      for (const row of await only.notifications.list({ tenant: `t${i}`, limit: 100 })) {
        expect(row.state).toBe("sent");
        attempts += row.attempts;
      }
    }
    expect(attempts).toBe(400);
  });

  it("open nothing in another row: its messages wait, and nothing is sent in anybody's name", async () => {
    const { server, doorman } = await mailServer();
    const store = memoryStore();
    const milepost = engine({ store });
    await milepost.providers.add(accountAt(server, { tenant: "acme" }));
    await milepost.providers.add(accountAt(server, { tenant: "globex" }));
    const stolen = (await store.providers.get({ tenant: "acme", id: "main" }))!.credentials!;
    const own = (await store.providers.get({ tenant: "globex", id: "main" }))!.credentials!;
    await store.providers.reseal({ tenant: "globex", id: "main", from: own, to: stolen });
    await milepost.record({ tenant: "globex", id: "e", metric: "invoice.sent", subject: "s", amount: 2 });
    await milepost.runOnce();
    const [row] = await milepost.notifications.list({ tenant: "globex" });
    expect(row).toMatchObject({ state: "pending", detail: expect.stringContaining("cannot be opened") });
    expect([doorman.logins, server.messages]).toEqual([[], []]);
    const checked = await milepost.providers.validate({ tenant: "globex", id: "main", ...person });
    expect(checked).toMatchObject({
      state: "failing",
      validationError: expect.stringMatching(/^The secret cannot be opened/),
    });
  });
});
