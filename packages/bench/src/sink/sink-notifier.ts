import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { accepted, type DeliveryMode, type Notifier } from "@milepost/core";
import { onLine } from "./lines.js";
import type { SinkLine } from "./sink-log.js";

/** Hands each message to the sink process and waits for its answer. Connects at the first message. */
export function sinkNotifier(port: number, mode: DeliveryMode): Notifier {
  let connection: Promise<Socket> | undefined;
  const waiting = new Map<string, () => void>();

  async function open(): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    // if the sink is gone, calls under way end at their deadline, as ambiguous
    onLine(socket, (key) => {
      waiting.get(key)?.();
      waiting.delete(key);
    });
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
