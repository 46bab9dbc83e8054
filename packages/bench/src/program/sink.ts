// Accepts messages: a line for each, on disk before the answer. `at` is the sink's own time.
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { runProgram } from "../process/link.js";
import { KeyMemory } from "../sink/key-memory.js";
import { onLine } from "../sink/lines.js";
import type { SinkAnswer, SinkCall, SinkLine } from "../sink/sink-log.js";
import { randomAt } from "../workload/random.js";

/** How the sink answers; all of it follows from the seed. */
export interface SinkManner {
  readonly seed: number;
  /** Milliseconds from a call to its acceptance, drawn between the two. */
  readonly before?: readonly [least: number, most: number];
  /** Milliseconds from the acceptance to the answer. */
  readonly after?: readonly [least: number, most: number];
  /** Part of the calls, from 0 to 1, that are refused for now. */
  readonly refused?: number;
  /** Part of the messages that are accepted only after `slowness` milliseconds. */
  readonly slow?: number;
  readonly slowness?: number;
  /** Answers a known key without accepting again, and refuses a second call with a key while the first is under way. */
  readonly keys?: boolean;
}

export interface SinkInput {
  readonly file: string;
  readonly manner: SinkManner;
}

/** Sent as it goes, and at the end. */
export interface SinkReport {
  readonly accepted: number;
  readonly refused: number;
  /** Calls with a key that another call was using. */
  readonly conflicts: number;
  /** Calls answered from memory. */
  readonly replayed: number;
  /** Calls with a known key and another message. */
  readonly otherPayload: number;
}

interface Arrived {
  readonly call: SinkCall;
  readonly socket: Socket;
}

await runProgram<SinkInput>(async ({ file, manner }, link) => {
  const log = openSync(file, "a");
  const keys = new KeyMemory();
  const counts = { accepted: 0, refused: 0, conflicts: 0, replayed: 0, otherPayload: 0 };
  let arrived: Arrived[] = [];
  let over = false;

  const report = () => link.send({ ...counts } satisfies SinkReport);
  const chance = ({ notification, attempt }: SinkCall, what: number) =>
    randomAt(manner.seed, hashOf(notification), attempt, what);
  const between = ([least, most]: readonly [number, number], random: number) => least + (most - least) * random;

  function answer({ call, socket }: Arrived, how: SinkAnswer["answer"], receipt: string): void {
    const { notification, attempt } = call;
    socket.write(`${JSON.stringify({ notification, attempt, answer: how, receipt } satisfies SinkAnswer)}\n`);
  }

  function arrive(one: Arrived): void {
    const { call } = one;
    if (manner.refused !== undefined && chance(call, 1) < manner.refused) {
      counts.refused++;
      answer(one, "refused", "");
      return;
    }
    if (manner.keys === true) {
      const known = keys.ask(call.key, call.payload, Date.now());
      if (known === "other payload") counts.otherPayload++;
      if (known === "under way") {
        counts.conflicts++;
        answer(one, "busy", "");
        return;
      }
      if (known !== "new") {
        counts.replayed++;
        answer(one, "accepted", call.key);
        return;
      }
    }
    const slow = chance({ ...call, attempt: 0 }, 2) < (manner.slow ?? 0) && manner.slowness;
    const wait = slow || (manner.before && between(manner.before, chance(call, 3)));
    if (wait) setTimeout(accept, wait, one);
    else accept(one);
  }

  function accept(one: Arrived): void {
    if (over) return;
    if (arrived.length === 0) setImmediate(write);
    arrived.push(one);
  }

  /** One write and one fsync for all that is accepted in this turn of the event loop. */
  function write(): void {
    if (over) return;
    const batch = arrived;
    arrived = [];
    const lines = batch.map(({ call }): SinkLine => ({ ...call, at: Date.now() }));
    writeSync(log, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    fsyncSync(log);
    counts.accepted += batch.length;
    for (const one of batch) {
      keys.done(one.call.key, Date.now());
      const wait = manner.after && between(manner.after, chance(one.call, 4));
      const receipt = `${one.call.notification}/${one.call.attempt}`;
      if (wait) setTimeout(answer, wait, one, "accepted", receipt);
      else answer(one, "accepted", receipt);
    }
    report();
  }

  const server = createServer((socket) => {
    onLine(socket, (text) => arrive({ call: JSON.parse(text) as SinkCall, socket }));
  }).listen(0, "127.0.0.1", () => link.send({ port: (server.address() as AddressInfo).port }));

  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  over = true;
  server.close();
  closeSync(log);
  report();
});

function hashOf(text: string): number {
  let hash = 0;
  for (const character of text) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}
