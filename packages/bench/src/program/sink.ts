// Accepts messages: a line for each, on disk before the answer. `at` is the sink's own time.
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { runProgram } from "../process/link.js";
import { onLine } from "../sink/lines.js";
import type { SinkLine } from "../sink/sink-log.js";

export interface SinkInput {
  readonly file: string;
}

await runProgram<SinkInput>(async ({ file }, link) => {
  const log = openSync(file, "a");
  let arrived: { readonly line: SinkLine; readonly socket: Socket }[] = [];

  /** One write and one fsync for all that arrived in this turn of the event loop. */
  function accept(): void {
    const batch = arrived;
    arrived = [];
    writeSync(log, batch.map(({ line }) => `${JSON.stringify({ ...line, at: Date.now() })}\n`).join(""));
    fsyncSync(log);
    for (const { line, socket } of batch) socket.write(`${line.notification} ${line.attempt}\n`);
  }

  const server = createServer((socket) => {
    onLine(socket, (text) => {
      if (arrived.length === 0) setImmediate(accept);
      arrived.push({ line: JSON.parse(text) as SinkLine, socket });
    });
  }).listen(0, "127.0.0.1", () => link.send({ port: (server.address() as AddressInfo).port }));

  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  server.close();
  closeSync(log);
});
