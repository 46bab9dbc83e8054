import { MilepostError } from "./errors.js";

/** The calls of one engine that are under way: no new ones once it closes, and `close()` waits for the others. */
export class OpenCalls {
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  /** Aborts when the engine begins to close. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Throws `closed` once the engine closes. */
  admit(): void {
    if (this.closing.aborted) throw new MilepostError("closed", "This engine was closed; create another one.");
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    this.admit();
    let done = () => {};
    const ended = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#underWay.add(ended);
    try {
      return await call();
    } finally {
      this.#underWay.delete(ended);
      done();
    }
  }

  /** The same methods, each run as such a call. */
  guard<Methods extends object>(methods: Methods): Methods {
    const guarded = Object.entries(methods).map(([name, method]) => [
      name,
      (...args: never[]) => this.run(() => (method as (...args: never[]) => Promise<unknown>)(...args)),
    ]);
    return Object.fromEntries(guarded) as Methods;
  }

  /** Refuses further calls from now on; resolves when those under way have ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay);
  }
}
