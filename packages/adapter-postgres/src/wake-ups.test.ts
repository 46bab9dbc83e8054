import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { MilepostError } from "@milepost/core/store";
import type pg from "pg";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { Database, type PostgresClient, type PostgresPool, type PostgresQuery } from "./driver.js";
import { Sandbox, watched } from "./postgres-harness.js";
import { type WakeUpOptions, WakeUps } from "./wake-ups.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

const quick = { keepalive: 40, deadline: 300, patience: 5_000, firstPause: 10, longestPause: 40 };

/** What a listener hears, one after the other, as far as anybody asks. */
class Heard {
  readonly all: ("wake" | MilepostError)[] = [];
  #ring = () => {};
  readonly listener = {
    onWake: () => this.#add("wake"),
    onOutage: (error: MilepostError) => this.#add(error),
  };

  #add(one: "wake" | MilepostError): void {
    this.all.push(one);
    this.#ring();
  }

  async until(count: number): Promise<void> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => {
        this.#ring = resolve;
      });
    }
  }
}

function over(pool: PostgresPool, options: Partial<WakeUpOptions> = {}): WakeUps {
  const database = new Database(pool, { schema: sandbox.schema, tablePrefix: "", prepare: true, notify: true });
  return new WakeUps(database, { throughPooler: false, timing: quick, ...options });
}

const resume = { tenant: "default", notifier: "smtp", paused: false, by: "ann", why: "test" };

/**
 * A way to the server on which connections go silent: what is sent goes nowhere, in both directions, and nobody closes.
 * Those that are open when it is said, or so many of the next ones from their first byte. Or it refuses to be a way.
 */
async function obstacle() {
  const { hostname, port } = new URL(inject("databaseUrl"));
  const sockets = new Set<Socket>();
  const state = { refuses: false, silentNext: 0 };
  const open = new Set<{ silent: boolean }>();
  const proxy = createServer((client) => {
    if (state.refuses) return void client.destroy();
    const server = connect(Number(port), hostname);
    const mine = { silent: state.silentNext-- > 0 };
    open.add(mine);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {}).on("close", () => to.destroy());
      from.on("data", (data) => {
        if (!mine.silent) to.write(data);
      });
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = new URL(inject("databaseUrl"));
  url.port = String((proxy.address() as AddressInfo).port);
  return {
    state,
    url: url.href,
    silence() {
      for (const each of open) each.silent = true;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}

function quiet(pool: pg.Pool): pg.Pool {
  return pool.on("error", () => {});
}

it("listens on another connection once the one it has says nothing any more", async () => {
  const way = await obstacle();
  const heard = new Heard();
  const wakeUps = over(quiet(sandbox.pool({ connectionString: way.url })));
  wakeUps.listen(heard.listener);
  await heard.until(1);
  way.silence();
  const store = sandbox.store();
  await store.migrate();
  await store.lanes.setPaused(resume);
  await heard.until(3);
  expect(heard.all.slice(1)).toEqual([expect.objectContaining({ code: "store_unavailable" }), "wake"]);
  await store.lanes.setPaused(resume);
  await heard.until(4);
  await wakeUps.close();
  await way.close();
});

it("does not wait for a connection that is never made: it asks for another one", async () => {
  const way = await obstacle();
  const heard = new Heard();
  const pool = quiet(sandbox.pool({ connectionString: way.url, max: 4 }));
  const wakeUps = over(pool, { timing: { ...quick, patience: 300 } });
  way.state.silentNext = 1;
  wakeUps.listen(heard.listener);
  await heard.until(2);
  expect(heard.all).toEqual([expect.objectContaining({ code: "store_unavailable" }), "wake"]);
  way.state.silentNext = 1;
  way.silence();
  // of the same outage, or of another one if the connection had held for a while
  while (heard.all.slice(2).every((each) => each !== "wake")) await heard.until(heard.all.length + 1);
  expect(pool.totalCount, "two that never came, and the one that listens").toBe(3);
  await wakeUps.close();
  way.cut();
  await way.close();
});

it("tells of an outage once, however often it tries, and listens again by itself", async () => {
  const way = await obstacle();
  let tries = 0;
  const pool = quiet(sandbox.pool({ connectionString: way.url }));
  const heard = new Heard();
  let enough = () => {};
  const tried = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const counting: PostgresPool = {
    connect(done) {
      if (++tries === 8) enough();
      pool.connect(done);
    },
  };
  const wakeUps = over(counting);
  wakeUps.listen(heard.listener);
  await heard.until(1);
  way.state.refuses = true;
  way.cut();
  await tried;
  expect(heard.all).toEqual(["wake", expect.objectContaining({ code: "store_unavailable" })]);
  way.state.refuses = false;
  await heard.until(3);
  expect(heard.all[2]).toBe("wake");
  await wakeUps.close();
  await way.close();
});

it("survives that its connection is ended by the server", async () => {
  const heard = new Heard();
  const pool = quiet(sandbox.pool());
  const wakeUps = over(pool);
  wakeUps.listen(heard.listener);
  await heard.until(1);
  await sandbox
    .pool()
    .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' OR query = 'SELECT 1'");
  await heard.until(3);
  expect(heard.all).toEqual(["wake", expect.objectContaining({ code: "store_unavailable" }), "wake"]);
  await wakeUps.close();
});

it("gives its connection back at once: a pool that is ended waits for nothing", async () => {
  const heard = new Heard();
  const pool = quiet(sandbox.pool());
  const wakeUps = over(pool);
  const listening = wakeUps.listen(heard.listener);
  await heard.until(1);
  await listening.close();
  await pool.end();
  expect(pool.totalCount).toBe(0);
});

it("lets go of a pool that its host ends while somebody listens", async () => {
  const heard = new Heard();
  const pool = quiet(sandbox.pool());
  const wakeUps = over(pool);
  wakeUps.listen(heard.listener);
  await heard.until(1);
  await pool.end();
  expect(heard.all).toEqual(["wake"]);
});

it("does not listen through a pooler that it was not told of: another process answers than was named", async () => {
  const pool = quiet(sandbox.pool());
  let asked = 0;
  let given = () => {};
  const back = new Promise<void>((resolve) => {
    given = resolve;
  });
  const pooled: PostgresPool = {
    connect: (done) =>
      pool.connect((error, client) => {
        if (client === undefined) return done(error, undefined);
        const other = {
          on: client.on.bind(client),
          removeListener: client.removeListener.bind(client),
          query(sent: PostgresQuery) {
            if (sent.text.startsWith("LISTEN")) asked++;
            return client.query(sent);
          },
          processID: 1,
          release(why?: Error) {
            client.release(why);
            given();
          },
        } satisfies PostgresClient & { processID: number };
        done(undefined, other);
      }),
  };
  over(pooled).listen(new Heard().listener);
  await back;
  expect(asked).toBe(0);

  const heard = new Heard();
  const forced = over(pooled, { throughPooler: true });
  forced.listen(heard.listener);
  await heard.until(1);
  expect(asked).toBe(1);
  await forced.close();
});

it("has no connection to spare in a pool of one, and says so", () => {
  const single = sandbox.pool({ max: 1 });
  expect(sandbox.store({}, single).supports.wakeUps).toBe(false);
  expect(() => sandbox.store({ listen: true }, single)).toThrow(
    expect.objectContaining({ code: "invalid_options", path: "listen" }),
  );
  expect(sandbox.store({ listen: true }).supports.wakeUps).toBe(true);
});

it("neither listens nor tells where it is switched off", async () => {
  const texts: string[] = [];
  const store = sandbox.store(
    { listen: false },
    watched(sandbox.pool(), (text) => texts.push(text)),
  );
  expect(store.supports.wakeUps).toBe(false);
  await store.migrate();
  await store.lanes.setPaused(resume);
  expect(texts.filter((text) => /notify\s*\(|LISTEN/.test(text))).toEqual([]);
  await sandbox
    .store(
      {},
      watched(sandbox.pool(), (text) => texts.push(text)),
    )
    .lanes.setPaused(resume);
  expect(texts.filter((text) => /notify\s*\(/.test(text))).toHaveLength(1);
});

it("is deaf to other tables in the same database", async () => {
  const store = sandbox.store();
  const other = sandbox.store({ tablePrefix: "other_" });
  await store.migrate();
  await other.migrate();
  const heard = new Heard();
  const listening = store.listen(heard.listener);
  await heard.until(1);
  await other.lanes.setPaused(resume);
  await store.lanes.setPaused(resume);
  await heard.until(2);
  await store.lanes.setPaused(resume);
  await heard.until(3);
  expect(heard.all).toEqual(["wake", "wake", "wake"]);
  await listening.close();
});
