/** Milliseconds. */
const window = 20;

/**
 * Decides which steps tell others of work by themselves, with a NOTIFY in their transaction.
 *
 * One that does holds a lock of the whole cluster until its commit is durable, so that such commits come one after the
 * other. *Measured*, four callers that announce at once: 620 announcements a second without NOTIFY, 320 with one in each.
 * So only the first step in a while tells; for those that follow within {@link window} one message at its end does, in a
 * transaction that wrote nothing and is not waited for by the disk. If the process dies before, whoever polls finds it.
 */
export class Telling {
  readonly #send: () => Promise<unknown>;
  #timer: NodeJS.Timeout | undefined;
  #owes = false;
  #closed = false;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(send: () => Promise<unknown>) {
    this.#send = send;
  }

  /** Whether a step that begins now is to tell by itself. If not, and it makes work: {@link later}. */
  takes(): boolean {
    if (this.#timer !== undefined || this.#closed) return false;
    this.#open();
    return true;
  }

  /** A step made work and did not tell. */
  later(): void {
    this.#owes = true;
    if (this.#timer === undefined) this.#settle();
  }

  /** Tells what is owed still. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#closed = true;
    if (this.#owes) this.#settle();
    await this.#sending;
  }

  #open(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#owes) this.#settle();
    }, window);
    // a process that has nothing else to do may end: closing tells what is owed
    this.#timer.unref();
  }

  #settle(): void {
    this.#owes = false;
    if (!this.#closed) this.#open();
    // a wake-up that is lost is found by polling, and a database that is away is no news to those who wait for their steps
    this.#sending = this.#send().catch(() => {});
  }
}
