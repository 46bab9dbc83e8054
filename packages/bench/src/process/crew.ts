import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { ProgramName, Programs } from "./bundle.js";

/** How a process ended: by itself with a code, or by a signal. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running program of ours. */
export class Child {
  readonly ended: Promise<Ended>;
  readonly #process: ChildProcess;
  readonly #program: ProgramName;
  #errors = "";
  #over: Ended | undefined;

  constructor(program: ProgramName, process: ChildProcess) {
    this.#program = program;
    this.#process = process;
    process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-4_000);
    });
    // its end may be known before its last message is read; the line is closed after that
    this.ended = Promise.all([once(process, "close"), once(process, "disconnect")]).then(([[code, signal]]) => {
      this.#over = { code, signal };
      return this.#over;
    });
  }

  get running(): boolean {
    return this.#over === undefined;
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#process.on("message", listener);
  }

  /** The next message; throws if the process ends before it. */
  async next<Message>(): Promise<Message> {
    const over = new AbortController();
    const message = once(this.#process, "message", { signal: over.signal }).then(([first]) => first as Message);
    message.catch(() => {});
    const ended = this.ended.then((end) => {
      throw this.#failure(end);
    });
    try {
      return await Promise.race([message, ended]);
    } finally {
      over.abort();
      ended.catch(() => {});
    }
  }

  send(message: object): void {
    // it may have died a moment ago; whoever needs it sees that by its end
    this.#process.send(message, () => {});
  }

  /** Another signal than kill's, such as SIGTERM or SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** kill -9, and the wait for its end. */
  async kill(): Promise<Ended> {
    this.#process.kill("SIGKILL");
    return this.ended;
  }

  /** Waits for the end that was expected: exit code 0. */
  async finished(): Promise<void> {
    const end = await this.ended;
    if (end.code !== 0) throw this.#failure(end);
  }

  /** What it wrote on standard error, for failures that nobody expected. */
  get errors(): string {
    return this.#errors;
  }

  #failure({ code, signal }: Ended): Error {
    return new Error(`${this.#program} ended with ${signal ?? `code ${code}`}:\n${this.#errors}`);
  }
}

export interface StartOptions {
  /** How large its heap may grow; Node's own limit unless said. */
  readonly heapMegabytes?: number;
}

/** Every process of one run; none outlives it. */
export class Crew {
  readonly #programs: Programs;
  readonly #running = new Set<Child>();
  #disposed = false;

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  /** Starts a program; `input` is plain data. */
  start(program: ProgramName, input: object, { heapMegabytes }: StartOptions = {}): Child {
    if (this.#disposed) throw new Error("the run is over");
    const { DATABASE_URL: _, NODE_OPTIONS: __, ...env } = process.env;
    // execArgv: the flags of tsx or vitest are not for a bundle
    const child = new Child(
      program,
      fork(this.#programs.path(program), [JSON.stringify(input)], {
        env,
        execArgv: heapMegabytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes}`],
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      }),
    );
    this.#running.add(child);
    void child.ended.then(() => this.#running.delete(child));
    return child;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await Promise.all([...this.#running].map((child) => child.kill()));
  }
}
