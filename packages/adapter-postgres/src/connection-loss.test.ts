import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { Sandbox } from "./postgres-harness.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

/** The message of a server that ends a connection: `FATAL 57P01`, as after pg_terminate_backend. */
const terminated = (() => {
  const fields = ["SFATAL", "VFATAL", "C57P01", "Mterminating connection due to administrator command"];
  const body = Buffer.from(`${fields.join("\0")}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
})();

/** ReadyForQuery, idle: how each of a server's answers ends. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

it("survives a connection that is ended in the very packet that makes it ready", async () => {
  const target = new URL(inject("databaseUrl"));
  const real = { port: Number(target.port), host: target.hostname };
  let armed = false;
  let fired = 0;
  const proxy = createServer((client) => {
    const server = connect(real);
    let ended = false;
    client.on("error", () => {}).on("data", (data) => server.write(data));
    server.on("error", () => {}).on("close", () => client.end());
    server.on("data", (data) => {
      if (armed && !ended && data.subarray(-ready.length).equals(ready)) {
        ended = true;
        fired++;
        client.end(Buffer.concat([data, terminated]));
        server.end();
      } else client.write(data);
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  target.port = String((proxy.address() as AddressInfo).port);
  target.hostname = "127.0.0.1";

  const pool = sandbox.pool({ connectionString: target.href, max: 5 });
  pool.on("error", () => {});
  const store = sandbox.store({}, pool);
  try {
    await store.migrate();
    armed = true;
    const calls = await Promise.allSettled(Array.from({ length: 5 }, () => store.definitions.list()));
    expect(fired).toBeGreaterThan(0);
    const failed = calls.filter((call) => call.status === "rejected");
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: "store_unavailable" });
    armed = false;
    // what the pool still holds may be dead too, and is dropped when it is met
    await expect.poll(() => store.definitions.list().catch(() => "away")).toEqual([]);
  } finally {
    proxy.close();
  }
});
