import type { Socket } from "node:net";
import type { SmtpAnswer, SmtpStep, SmtpTestServerOptions, TakenMessage } from "./smtp-test-server.js";

interface Sink {
  heard(line: string): void;
  /** Answers with the message's number. */
  take(message: TakenMessage): Promise<number>;
}

const commands: Readonly<Record<string, SmtpStep>> = {
  EHLO: "EHLO",
  HELO: "EHLO",
  AUTH: "AUTH",
  "MAIL FROM": "MAIL",
  "RCPT TO": "RCPT",
  DATA: "DATA",
  RSET: "RSET",
  QUIT: "QUIT",
};

const endOfMessage = "\r\n.\r\n";

/** One connection of a test server. Text is kept as latin1: a character for each byte. */
export class SmtpTestSession {
  readonly #socket: Socket;
  readonly #number: number;
  readonly #options: SmtpTestServerOptions;
  readonly #sink: Sink;
  #received = "";
  #working = false;
  /** A silent one hears nothing any more. */
  #over = false;
  #from = "";
  #recipients: string[] = [];
  /** Undefined outside of a message; else the parts of it that have come, with the line break before it. */
  #body: string[] | undefined;
  #refused = false;

  constructor(socket: Socket, number: number, options: SmtpTestServerOptions, sink: Sink) {
    this.#socket = socket;
    this.#number = number;
    this.#options = options;
    this.#sink = sink;
    // a client that goes away is no news
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
      void this.#work();
    });
    this.#answer("greeting", "", "220 test ESMTP");
  }

  /** Goes through what was received, one thing after another. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (!this.#over && (this.#body === undefined ? this.#command() : await this.#message()));
    this.#working = false;
  }

  /** False where no whole line is left. */
  #command(): boolean {
    const end = this.#received.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#received.slice(0, end);
    this.#received = this.#received.slice(end + 2);
    this.#sink.heard(line);
    const verb = Object.keys(commands).find((name) => line.toUpperCase().startsWith(name));
    const step = verb === undefined ? "other" : commands[verb]!;
    if (this.#answer(step, line, this.#usual(step, line))) {
      const path = /<([^>]*)>/.exec(line)?.[1] ?? "";
      if (step === "MAIL") this.#from = path;
      if (step === "RCPT") this.#recipients.push(path);
      else if (step !== "DATA") this.#recipients = [];
    }
    return true;
  }

  /** What a server says that takes everything. */
  #usual(step: SmtpStep, line: string): string {
    const { extensions = [], pipelining = true } = this.#options;
    switch (step) {
      case "EHLO":
        return [
          "250-test",
          ...(pipelining ? ["250-PIPELINING"] : []),
          ...extensions.map((each) => `250-${each}`),
          "250 8BITMIME",
        ].join("\n");
      case "AUTH":
        return "235 2.7.0 welcome";
      case "DATA":
        return this.#recipients.length > 0 ? "354 go on" : "554 5.5.1 no valid recipients";
      case "QUIT":
        return "221 2.0.0 bye";
      case "other":
        // a 2xx would begin TLS, which it does not speak
        return /^STARTTLS\b/i.test(line) ? "502 5.5.1 not implemented" : "250 2.0.0 ok";
      default:
        return "250 2.0.0 ok";
    }
  }

  /** False where the message's end is still to come. */
  async #message(): Promise<boolean> {
    if (this.#received === "") return false;
    const parts = this.#body!;
    if (parts.length === 0) {
      this.#refused = !this.#answer("body", "", undefined);
      // a message begins after a line break: it may be empty
      parts.push("\r\n");
    }
    // the end may lie across two parts: what could be its beginning goes over to the next one
    const part = parts.pop()! + this.#received;
    const end = part.indexOf(endOfMessage);
    if (end < 0) {
      const cut = Math.max(0, part.length - endOfMessage.length + 1);
      parts.push(part.slice(0, cut), part.slice(cut));
      this.#received = "";
      return false;
    }
    const text = parts.join("") + part.slice(0, end + 2);
    this.#body = undefined;
    this.#received = part.slice(end + endOfMessage.length);
    // a reply in the midst of it was its refusal: the rest is only read
    if (this.#refused || !this.#answer("dot", "", undefined)) return true;
    const number = await this.#sink.take({
      session: this.#number,
      from: this.#from,
      recipients: this.#recipients,
      bytes: Buffer.from(text.slice(2).replaceAll("\r\n..", "\r\n.").replace(/^\.\./, "."), "latin1"),
    });
    this.#answer("accepted", "", `250 2.0.0 ok: queued as ${number}`);
    return true;
  }

  /** Whether all went its usual way, so that the step is taken. */
  #answer(step: SmtpStep, line: string, usual: string | undefined): boolean {
    const answer: SmtpAnswer | undefined = this.#options.answer?.(step, line, this.#number) ?? usual;
    if (answer === undefined) return true;
    if (typeof answer === "object" || ["cut", "reset", "silence"].includes(answer)) {
      this.#over = true;
      if (typeof answer === "object") this.#socket.end(Buffer.from(answer.lastWords, "latin1"));
      else if (answer === "cut") this.#socket.destroy();
      else if (answer === "reset") this.#socket.resetAndDestroy();
      else this.#socket.pause();
      return false;
    }
    this.#socket.write(`${answer.split("\n").join("\r\n")}\r\n`);
    if (step === "DATA" && answer.startsWith("354")) this.#body = [];
    if (step === "QUIT") this.#socket.end();
    return answer === usual;
  }
}
