import assert from "node:assert/strict";
import type { Notification } from "../delivery/notification.js";
import type { CallResult } from "../delivery/settlement.js";
import type { DeliveryMode } from "../notifier/notifier.js";

/** One call of a notifier, as the outside world saw it. */
export interface OutsideCall {
  readonly messageId: string;
  readonly idempotencyKey: string;
  readonly payloadHash: string;
  readonly begunAt: number;
  /** What is true, whether or not anybody hears of it. */
  readonly taken: boolean;
  /** Not told a definite refusal: whoever made the call cannot exclude that it was taken. */
  readonly mayBeTaken: boolean;
  readonly counts: boolean;
  /** Its result reached the engine; until then it may be under way up to its deadline. */
  ended: boolean;
}

interface Receiver {
  readonly mode: DeliveryMode;
  /** Milliseconds; `idempotent` only. */
  readonly keyLifetime: number | null;
  readonly calls: OutsideCall[];
  /** Calls that are allowed in all: a resend by a person may add one. */
  allowed: number;
  /** Since the last call that may have been taken, a person has asked for another. */
  asked: boolean;
  /** When the first call under the key was made; from a resend on the key's time begins anew. */
  keyFrom: number | null;
  confirmed: boolean;
}

/**
 * The other side of every notifier: it knows of each notification which calls were made and which of them it took,
 * and refuses to see what was promised not to happen.
 */
export class Outside {
  readonly #receivers = new Map<string, Receiver>();
  readonly #callDeadline: number;

  constructor(callDeadline: number) {
    this.#callDeadline = callDeadline;
  }

  /** `attempts`: how many calls are allowed. */
  expect(id: string, mode: DeliveryMode, keyLifetime: number | null, attempts: number): void {
    const nothing = { calls: [], asked: false, keyFrom: null, confirmed: false };
    this.#receivers.set(id, { mode, keyLifetime, allowed: attempts, ...nothing });
  }

  /** A person's recorded act. `attempts`: how many there were when a resend was asked for. */
  acted(id: string, act: "resend" | "confirm", attempts: number): void {
    const receiver = this.#of(id);
    if (act === "confirm") receiver.confirmed = true;
    else {
      receiver.asked = true;
      receiver.keyFrom = null;
      receiver.allowed = Math.max(receiver.allowed, attempts + 1);
    }
  }

  call(
    id: string,
    given: Pick<OutsideCall, "messageId" | "idempotencyKey" | "payloadHash">,
    result: CallResult,
    taken: boolean,
    now: number,
  ): OutsideCall {
    // one that finds nobody there is no call of this message
    const counts = !("unavailable" in result);
    const receiver = this.#of(id);
    const { calls, mode } = receiver;
    const [first] = calls;
    const underWay = calls.find((call) => !call.ended && now < call.begunAt + this.#callDeadline);
    assert.equal(underWay, undefined, `${id} is called while another call of it may be under way`);
    if (calls.some((call) => call.mayBeTaken) && !receiver.asked) {
      assert.notEqual(mode, "at-most-once", `${id} is called again after a call that may have been accepted`);
      if (mode === "idempotent") {
        const until = receiver.keyFrom! + receiver.keyLifetime! + this.#callDeadline;
        assert.ok(now < until, `${id} is called under a key that is no longer honoured`);
      }
    }
    if (first !== undefined) {
      const { messageId, idempotencyKey, payloadHash } = first;
      assert.deepEqual(given, { messageId, idempotencyKey, payloadHash }, `${id}: all calls are of one message`);
    }
    const mayBeTaken = result.kind === "accepted" || result.kind === "ambiguous";
    const call: OutsideCall = { ...given, begunAt: now, taken, mayBeTaken, ended: false, counts };
    calls.push(call);
    receiver.keyFrom ??= now;
    const counted = calls.filter((each) => each.counts).length;
    assert.ok(counted <= receiver.allowed, `${id} is called ${counted} times, of ${receiver.allowed}`);
    if (mayBeTaken) receiver.asked = false;
    return call;
  }

  /** That a row says nothing about its message that is not true. */
  agrees(row: Notification): void {
    const { calls, confirmed } = this.#of(row.id);
    const taken = calls.filter((call) => call.taken).length;
    if (row.state === "sent") assert.ok(taken > 0 || confirmed, `${row.id} is sent, and was not accepted`);
    if (["failed", "expired", "cancelled", "suppressed"].includes(row.state)) {
      assert.ok(!calls.some((call) => call.mayBeTaken), `${row.id} is ${row.state}, and may have been accepted`);
    }
  }

  #of(id: string): Receiver {
    const receiver = this.#receivers.get(id);
    assert.ok(receiver, `nobody expects ${id}`);
    return receiver;
  }
}
