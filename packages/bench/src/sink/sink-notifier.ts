import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { accepted, ambiguous, type DeliveryMode, type Notifier, type Outcome, refusedTransient } from "@milepost/core";
import { keyLifetime } from "./key-memory.js";
import { onLine } from "./lines.js";
import type { SinkAnswer, SinkCall } from "./sink-log.js";

export interface SinkNotifierOptions {
  /** Of this process, as it stands in the sink's log. */
  readonly caller?: string;
  /** Goes on waiting for the answer when the engine has given the call up: what comes then is evidence. */
  readonly waitsOn?: boolean;
  /** Called first, and waited for; what it throws, the notifier throws. */
  readonly onSend?: (notification: string) => Promise<void> | void;
  /** The message is with the socket; the answer cannot be there yet. */
  readonly onWritten?: (call: SinkCall) => void;
}

/** Hands each message to the sink process and waits for its answer. Connects at the first message. */
export function sinkNotifier(port: number, mode: DeliveryMode, options: SinkNotifierOptions = {}): Notifier {
  let connection: Promise<Socket> | undefined;
  const waiting = new Map<string, (outcome: Outcome) => void>();

  async function open(): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    // if the sink is gone, calls under way end at their deadline, as ambiguous
    onLine(socket, (text) => {
      const answer = JSON.parse(text) as SinkAnswer;
      const call = `${answer.notification} ${answer.attempt}`;
      waiting.get(call)?.(outcomeOf(answer));
      waiting.delete(call);
    });
    return socket;
  }

  return {
    name: "sink",
    channel: "email",
    mode,
    ...(mode === "idempotent" && { keyLifetime }),
    async send(message, { notification, attempt, messageId, idempotencyKey: key, signal }) {
      await options.onSend?.(notification);
      connection ??= open();
      const socket = await connection;
      signal.throwIfAborted();
      const { caller = `${process.pid}` } = options;
      const call: SinkCall = {
        ...{ notification, attempt, messageId, key, caller },
        to: message.to.address,
        payload: String(message.text),
      };
      return new Promise<Outcome>((resolve, reject) => {
        waiting.set(`${notification} ${attempt}`, resolve);
        if (options.waitsOn !== true) {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }
        socket.write(`${JSON.stringify(call)}\n`);
        options.onWritten?.(call);
      });
    },
    async close() {
      (await connection)?.destroy();
    },
  };
}

function outcomeOf({ answer, receipt }: SinkAnswer): Outcome {
  if (answer === "accepted") return accepted(receipt);
  if (answer === "refused") return refusedTransient("the sink asks to come again");
  // the other call with this key may be accepted yet
  return ambiguous("a call with the same key is under way");
}
