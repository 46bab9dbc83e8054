import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { accepted, type DeliveryMode, type Notifier } from "@milepost/core";
import type { SinkLine } from "./sink-log.js";

/** Hands each message to the sink process and waits for its answer. Connects at the first message. */
export function sinkNotifier(port: number, mode: DeliveryMode): Notifier {
  let connection: Promise<Socket> | undefined;
  const waiting = new Map<string, () => void>();

  async function open(): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    createInterface({ input: socket }).on("line", (key) => {
      waiting.get(key)?.();
      waiting.delete(key);
    });
    // calls under way then end at their deadline, as ambiguous
    socket.on("error", () => {});
    return socket;
  }

  return {
    name: "sink",
    channel: "email",
    mode,
    async send(message, { notification, attempt, messageId, signal }) {
      connection ??= open();
      const socket = await connection;
      const line: SinkLine = { notification, attempt, messageId, to: message.to.address, at: Date.now() };
      await new Promise<void>((resolve, reject) => {
        waiting.set(`${notification} ${attempt}`, resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        socket.write(`${JSON.stringify(line)}\n`);
      });
      return accepted();
    },
    async close() {
      (await connection)?.destroy();
    },
  };
}
