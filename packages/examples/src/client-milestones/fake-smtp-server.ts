import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";

/** By how a client's line begins, "." for the end of a body; 250 where nothing fits, and a hang-up where it is null. */
export type SmtpAnswers = Readonly<Record<string, string | null>>;

export interface FakeSmtpServer {
  readonly url: URL;
  /** Every line of every client. */
  readonly heard: readonly string[];
  close(): Promise<void>;
}

/** For tests: speaks just enough SMTP. */
export async function fakeSmtpServer(answers: SmtpAnswers = {}): Promise<FakeSmtpServer> {
  const heard: string[] = [];
  const server = createServer((socket) => {
    let inBody = false;
    socket.on("error", () => {});
    socket.write("220 ready\r\n");
    createInterface({ input: socket }).on("line", (line) => {
      heard.push(line);
      if (inBody && line !== ".") return;
      inBody = line === "DATA";
      const start = Object.keys(answers).find((known) => line.startsWith(known));
      const answer = start === undefined ? (inBody ? "354 go on" : "250 ok") : answers[start];
      if (answer === null) socket.destroy();
      else socket.write(`${answer}\r\n`);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: new URL(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`),
    heard,
    async close() {
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}
