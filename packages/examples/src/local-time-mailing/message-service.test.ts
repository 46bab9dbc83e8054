import { afterEach, expect, test } from "vitest";
import { type MessageService, startMessageService } from "./message-service.js";

let service: MessageService;
afterEach(() => service.close());

const options = { token: "secret", now: () => new Date("2026-12-01T10:00:00Z"), seed: 1, outages: [] };
const call = (key: string, token = "secret") =>
  fetch(service.url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "idempotency-key": key },
    body: JSON.stringify({ id: "1", phone: 79030000001, text: "Hello" }),
  });

test("it takes nothing without its token, and a message once under a key", async () => {
  service = await startMessageService(options);
  expect((await call("a", "guessed")).status).toBe(401);
  expect(service.figures().taken).toBe(0);
  for (let i = 0; i < 3; i++) await call("a");
  const { taken, calls } = service.figures();
  expect([taken, calls]).toEqual([1, 4]);
});

test("which first calls go wrong depends on the seed alone, and second ones do not", async () => {
  const garbage = async (seed: number) => {
    service = await startMessageService({ ...options, seed });
    const answers: string[] = [];
    for (let i = 0; i < 2; i++) answers.push(await (await call("a")).text());
    await service.close();
    return answers;
  };
  const seeds = Array.from({ length: 30 }, (_, seed) => seed);
  const first: string[][] = [];
  for (const seed of seeds) first.push(await garbage(seed));
  expect(first.map(([, second]) => second)).toEqual(seeds.map(() => '{"code":0,"message":"OK"}'));
  expect(new Set(first.map(([one]) => one)).size).toBe(3);
  expect(await garbage(3)).toEqual(first[3]);
}, 60_000);

test("when it is out of service it takes nothing", async () => {
  const now = options.now();
  service = await startMessageService({ ...options, outages: [{ from: now, until: new Date(now.getTime() + 1) }] });
  expect((await call("a")).status).toBe(503);
  expect(service.figures()).toMatchObject({ taken: 0, down: 1 });
});
