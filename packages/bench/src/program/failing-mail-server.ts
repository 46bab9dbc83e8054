// A mail server for each fault, on a port of its own. What is taken is on disk before the client can hear of it.

import { once } from "node:events";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { smtpTestServer } from "@milepost/mailer/testing";
import type { MailFault } from "../mail/mail-faults.js";
import type { MailLine } from "../mail/mail-log.js";
import { runProgram } from "../process/link.js";

export interface FailingMailServerInput {
  readonly file: string;
  readonly faults: readonly MailFault[];
}

export interface FailingMailServerReport {
  /** How often each fault was done, in the order of the faults; nothing can be counted where nobody listens. */
  readonly fired: readonly (number | null)[];
}

await runProgram<FailingMailServerInput>(async ({ file, faults }, link) => {
  const log = openSync(file, "a");
  const fired: (number | null)[] = faults.map(() => 0);
  const servers = await Promise.all(
    faults.map(async ({ step, answer }, i) => {
      if (step === null) {
        fired[i] = null;
        return { port: await closedPort(), close: async () => {} };
      }
      return smtpTestServer({
        extensions: step === "AUTH" ? ["AUTH PLAIN"] : [],
        answer(at) {
          if (at !== step) return undefined;
          fired[i]! += 1;
          return answer;
        },
        onMessage({ bytes, recipients }) {
          const [, messageId = ""] = /^Message-ID: (.*)\r$/im.exec(bytes.toString("latin1")) ?? [];
          writeSync(log, `${JSON.stringify({ messageId, to: recipients.join() } satisfies MailLine)}\n`);
          fsyncSync(log);
        },
      });
    }),
  );
  link.send({ ports: servers.map(({ port }) => port) });
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  link.send({ fired } satisfies FailingMailServerReport);
  await Promise.all(servers.map((server) => server.close()));
  closeSync(log);
});

/** A port that was free a moment ago, and that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
