import { randomBytes } from "node:crypto";

/**
 * Time, randomness and identity, injected so that tests decide them.
 *
 * `now` is absent in production: the database's clock then decides every lease and schedule, because it is the
 * only clock all processes share. A test passes `now` and moves it.
 */
export interface Runtime {
  readonly now?: () => Date;
  /** Milliseconds that never jump back; measures leases and deadlines inside this process. */
  readonly monotonic: () => number;
  /** In [0, 1); used for jitter only. */
  readonly random: () => number;
  /** A new unique id, ideally ordered by time. */
  readonly id: () => string;
}

export function systemRuntime(): Runtime {
  return { monotonic: () => performance.now(), random: Math.random, id: uuidv7Generator() };
}

/**
 * UUIDs of version 7 (RFC 9562 section 5.7) that rise strictly: 48 bits of Unix milliseconds, a 12 bit counter that
 * starts at random in its lower half each millisecond (section 6.2, method 1), 62 random bits. Ordered ids keep the
 * B-tree's right edge hot, 12 to 20% faster in Postgres and 2.7x in SQLite than random ones, and let a list by id be a
 * list by time.
 */
export function uuidv7Generator(clock: () => number = Date.now): () => string {
  let time = 0;
  let counter = 0;
  return () => {
    const bytes = randomBytes(16);
    const now = clock();
    if (now > time) {
      time = now;
      counter = bytes.readUInt16BE(6) & 0x07ff;
    } else if (++counter > 0x0fff) {
      // 2,048 ids or more in one millisecond, or a clock that went back: borrow from the future
      time++;
      counter = 0;
    }
    bytes.writeUIntBE(time, 0, 6);
    bytes.writeUInt16BE(0x7000 | counter, 6);
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = bytes.toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
