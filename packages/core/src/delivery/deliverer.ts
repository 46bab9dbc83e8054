import { Coalescer } from "../coalescer.js";
import { errorText, MilepostError } from "../errors.js";
import type { Emit, NotificationEvent } from "../events.js";
import type { RenderedMessage } from "../message/message.js";
import { payloadHash, renderMessage, TemplateCache } from "../message/render.js";
import { ambiguous, type Notifier, outcomeOf, refusedTransient } from "../notifier/notifier.js";
import { familyOf } from "../provider/provider.js";
import type { ProviderAccount, ProviderAccounts } from "../provider/provider-account.js";
import type { Runtime } from "../runtime.js";
import type { Mark, MarkResult, Settlement, SettleResult } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { withDeadline } from "./deadline.js";
import { discreet } from "./discreet.js";
import { lastChanceAlone } from "./last-chance.js";
import type { ClaimedNotification, NotificationState } from "./notification.js";
import { persist } from "./persist.js";
import type { Reason } from "./reason.js";
import { type CallResult, type SendingRow, settlementOf } from "./settlement.js";
import type { DeliveryTiming } from "./timing.js";
import { Turns } from "./turns.js";

/** Where a notification stood when this worker was done with it; `lost` when another had taken over. */
export type DeliveryEnd = NotificationState | "lost";

/** A worker's stop: it begins, and some time later its grace is over. */
export interface Stop {
  readonly begun: AbortSignal;
  readonly over: AbortSignal;
}

/** Milliseconds in which a notifier may answer to its abort; they are taken from the settle margin. */
const answerTime = 100;

/** A row that is rendered and ready to be marked. */
interface Prepared {
  readonly row: ClaimedNotification;
  readonly payload: RenderedMessage;
  readonly mark: Mark;
}

type Release = Parameters<Store["notifications"]["release"]>[0]["releases"][number];

/** Hands notifications to their notifiers: claim, render, mark, call, settle. */
export class Deliverer {
  readonly #store: Store;
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  readonly #runtime: Runtime;
  readonly #timing: DeliveryTiming;
  readonly #emit: Emit;
  readonly #templates = new TemplateCache();
  readonly #settler: Coalescer<Settlement, SettleResult>;
  readonly #messageIdDomain: string;
  readonly #accounts: ProviderAccounts;
  readonly #turns = new Turns();
  readonly #underWay = new Set<Promise<DeliveryEnd>>();
  #abandoned = false;

  constructor(
    store: Store,
    notifiers: ReadonlyMap<string, Notifier>,
    messageIdDomain: string,
    runtime: Runtime,
    timing: DeliveryTiming,
    emit: Emit,
    accounts: ProviderAccounts,
  ) {
    this.#store = store;
    this.#accounts = accounts;
    this.#notifiers = notifiers;
    this.#messageIdDomain = messageIdDomain;
    this.#runtime = runtime;
    this.#timing = timing;
    this.#emit = emit;
    // A result must be written while the process lives, whatever the database does: giving up would turn a known
    // outcome into an ambiguous one.
    this.#settler = new Coalescer({
      run: (settlements) =>
        persist(
          () => this.#store.notifications.settle({ settlements, ...storeNow(this.#runtime) }),
          this.#failed("settle"),
          () => !this.#abandoned,
        ),
      batchSize: 500,
      queueSize: Number.POSITIVE_INFINITY,
      separable: () => true,
    });
  }

  /**
   * Claims and marks up to `slots` notifications and starts their calls; answers one promise per claimed row. Rows that
   * are not marked when a stop has begun are given back; calls still open when its grace is over become ambiguous.
   * `opens` is told when a lane that has no room left will have some.
   */
  async start(
    slots: number,
    stop: Stop,
    opens: (milliseconds: number) => void = () => {},
  ): Promise<readonly Promise<DeliveryEnd>[]> {
    const claimedAt = this.#runtime.monotonic();
    const named = [...this.#notifiers.values()];
    const rows = await this.#store.notifications.claim({
      // rows of a family's bare name have no account yet
      notifiers: named.filter(({ accounts }) => accounts === undefined).map(({ name }) => name),
      families: named.filter(({ accounts }) => accounts !== undefined).map(({ name }) => name),
      limit: slots,
      served: this.#turns.served(claimedAt),
      lease: this.#timing.lease,
      ...storeNow(this.#runtime),
    });
    if (rows.length === 0) return [];
    const { start, back, alone } = lastChanceAlone(rows, this.#timing.maxClaims);
    if (back.length > 0) await this.#release(back.map(givenBack));
    if (alone && !(await this.#othersEnd(stop))) return start.map((row) => this.#giveBack(row));
    for (const row of start) this.#turns.took(row, 1, claimedAt);
    const prepared: Prepared[] = [];
    const ends: Promise<DeliveryEnd>[] = [];
    for (const row of start) {
      try {
        if (stop.begun.aborted) ends.push(watched(this.#giveBack(row)));
        else if (row.claims > this.#timing.maxClaims) ends.push(watched(this.#fail(row, "poison_claim")));
        else prepared.push(this.#prepare(row));
      } catch {
        // a template that was good when it was queued: limits or code changed; only this notification is concerned
        ends.push(watched(this.#fail(row, "render_failed")));
      }
    }
    if (prepared.length === 0) return ends;

    const markedAt = this.#runtime.monotonic();
    const marks = prepared.map(({ mark }) => mark);
    const mark = () => this.#store.notifications.mark({ marks, lease: this.#timing.lease, ...storeNow(this.#runtime) });
    // A commit whose outcome is unknown is asked for again: under the same fence it answers the same. Past the lease
    // nothing may be called any more, so there is nothing left to ask for.
    const results = await persist(mark, this.#failed("mark"), () => this.#elapsed(claimedAt) < this.#timing.lease);
    const openings = results.flatMap((result) => ("opensIn" in result ? (result.opensIn ?? []) : []));
    if (openings.length > 0) opens(Math.min(...openings));
    const calls = results.map((result, i) => this.#tracked(this.#deliver(prepared[i]!, result, markedAt, stop.over)));
    // nothing is started beside it either
    if (alone) await Promise.allSettled(calls);
    return [...ends, ...calls];
  }

  /** Waits for what is under way, within the lease of a claim; answers whether all of it has ended. */
  async #othersEnd(stop: Stop): Promise<boolean> {
    const others = () => Promise.allSettled(this.#underWay);
    const { callDeadline, settleMargin } = this.#timing;
    return withDeadline(others, callDeadline + settleMargin, stop.over).then(
      () => true,
      () => false,
    );
  }

  #tracked(call: Promise<DeliveryEnd>): Promise<DeliveryEnd> {
    this.#underWay.add(call);
    const over = () => this.#underWay.delete(call);
    call.then(over, over);
    return call;
  }

  /** The engine closes for good: results that cannot be written now are left to be found as ambiguous. */
  abandon(): void {
    this.#abandoned = true;
  }

  #prepare(row: ClaimedNotification): Prepared {
    const payload =
      row.payload ?? renderMessage(this.#templates.get(row.template, row.content), row.data, row.recipient, row.sender);
    return {
      row,
      payload,
      mark: {
        tenant: row.tenant,
        id: row.id,
        fence: row.fence,
        payloadHash: payloadHash(payload),
        messageId: `<${row.id}@${this.#messageIdDomain}>`,
        idempotencyKey: row.id,
        payload: row.mode === "idempotent" ? payload : null,
      },
    };
  }

  async #deliver(prepared: Prepared, result: MarkResult, markedAt: number, stop: AbortSignal): Promise<DeliveryEnd> {
    const { row, payload, mark } = prepared;
    if (result.result === "lost") return "lost";
    if (result.result === "deferred") return "pending";
    if (result.result === "refused") {
      this.#emit(result.state, {
        tenant: row.tenant,
        notification: row.id,
        attempt: row.attempts,
        reason: result.reason,
      });
      return result.state;
    }
    const { attempt: attempts, keyUntil, slot } = result;
    const sending: SendingRow = { ...row, attempts, keyUntil, slot };
    const settle = (call: CallResult) =>
      settlementOf(sending, call, {
        now: new Date(result.markedAt.getTime() + this.#elapsed(markedAt)),
        random: this.#runtime.random(),
        timing: this.#timing,
        payload,
      });
    const late = (call: CallResult) => void this.#settleLate(settle(call), markedAt).catch(() => {});
    return this.#settle(settle(await this.#call(sending, payload, mark, row, markedAt, stop, late)), markedAt);
  }

  async #call(
    sending: SendingRow,
    payload: RenderedMessage,
    mark: Mark,
    row: ClaimedNotification,
    markedAt: number,
    stop: AbortSignal,
    late: (result: CallResult) => void,
  ): Promise<CallResult> {
    const { lease, callDeadline, settleMargin } = this.#timing;
    // Blocked or stopped since the mark for so long that the call could outlive the lease: it is not made.
    const tooLate = () => stop.aborted || this.#elapsed(markedAt) > lease - callDeadline - settleMargin;
    const notStarted = refusedTransient("not started: too little of the lease was left");
    if (tooLate()) return notStarted;
    const { tenant, id: notification, attempts: attempt } = sending;
    this.#emit("sending", { tenant, notification, attempt, reason: null });
    // listeners are the host's code, and may have blocked the process
    if (tooLate()) return notStarted;
    const context = {
      tenant,
      notification,
      attempt,
      idempotencyKey: row.idempotencyKey ?? mark.idempotencyKey,
      messageId: row.messageId ?? mark.messageId,
      notifier: row.notifier,
      account: this.#accountOf(row),
    };
    const notifier = this.#notifiers.get(row.notifier) ?? this.#notifiers.get(familyOf(row.notifier)!)!;
    const send = async (signal: AbortSignal): Promise<CallResult> =>
      // a copy: what a notifier does to its message must not change what is sent next time
      discreet(outcomeOf(await notifier.send({ ...payload, to: { ...payload.to } }, { ...context, signal })), row);
    try {
      return await withDeadline(send, callDeadline, stop, late, Math.min(answerTime, settleMargin / 10));
    } catch (error) {
      return discreet(ambiguous(errorText(error)), row);
    }
  }

  #accountOf({ tenant, notifier }: ClaimedNotification): ProviderAccount | null {
    const family = familyOf(notifier);
    if (family === null || this.#notifiers.has(notifier)) return null;
    return this.#accounts.of({ tenant, id: notifier.slice(family.length + 1) });
  }

  async #settle(settlement: Settlement, markedAt: number): Promise<DeliveryEnd> {
    const result = await this.#write(settlement, markedAt);
    const { tenant, id: notification, attempt, reason } = settlement;
    const event: NotificationEvent = { tenant, notification, attempt, reason };
    if (result !== "settled" && !(result === "lost" && (await this.#written(settlement)))) {
      this.#emit("lease_lost", { ...event, evidence: result === "evidence" });
      return result === "evidence" ? "sent" : "lost";
    }
    this.#emit(settlement.to === "pending" ? "retry" : settlement.to, event);
    return settlement.to;
  }

  /**
   * Writes a result among those of other rows. One that the store refuses for what does not look as if it would pass, as it
   * may be about this row alone, is tried again on its own for as long as the row is leased: the others do not wait for it.
   */
  async #write(settlement: Settlement, markedAt: number): Promise<SettleResult> {
    try {
      return await this.#settler.add(settlement);
    } catch {
      const mayPass = this.#failed("settle");
      const alone = async () => {
        const settlements = [settlement];
        const [result] = await this.#store.notifications.settle({ settlements, ...storeNow(this.#runtime) });
        return result!;
      };
      const worthIt = (error: unknown) => mayPass(error) || this.#elapsed(markedAt) < this.#timing.lease;
      return persist(alone, worthIt, () => !this.#abandoned);
    }
  }

  /**
   * Whether a settlement that was told as lost is our own, written at an earlier try whose commit was not acknowledged.
   * Nobody else writes a definite outcome under our fence.
   */
  async #written({ tenant, id: notification, attempt, fence, outcome }: Settlement): Promise<boolean> {
    if (outcome === "ambiguous") return false;
    try {
      const attempts = await this.#store.notifications.attempts({ tenant, notification });
      return attempts.some((row) => row.number === attempt && row.fence === fence && row.outcome === outcome);
    } catch {
      // only the event would be another; what is stored is right
      return false;
    }
  }

  /** A call that answered after its deadline: its acceptance is evidence, nothing else of it counts. */
  async #settleLate(settlement: Settlement, markedAt: number): Promise<void> {
    if (settlement.outcome !== "accepted") return;
    const result = await this.#write(settlement, markedAt);
    const { tenant, id: notification, attempt, reason } = settlement;
    this.#emit("lease_lost", { tenant, notification, attempt, reason, evidence: result === "evidence" });
  }

  async #giveBack(row: ClaimedNotification): Promise<DeliveryEnd> {
    await this.#release([givenBack(row)]);
    return "pending";
  }

  async #fail(row: ClaimedNotification, reason: Reason): Promise<DeliveryEnd> {
    const { tenant, id, fence } = row;
    const [released] = await this.#release([{ tenant, id, fence, to: "failed", retryIn: 0, refund: false, reason }]);
    if (released !== true) return "lost";
    this.#emit("failed", { tenant: row.tenant, notification: row.id, attempt: row.attempts, reason });
    return "failed";
  }

  #release(releases: readonly Release[]): Promise<readonly boolean[]> {
    return this.#store.notifications.release({ releases, ...storeNow(this.#runtime) });
  }

  #elapsed(since: number): number {
    return this.#runtime.monotonic() - since;
  }

  #failed(where: string): (error: unknown) => boolean {
    return (error) => {
      this.#emit("error", { where, error });
      return MilepostError.is(error) && (error.code === "store_busy" || error.code === "store_unavailable");
    };
  }
}

/** Back as it was before the claim, its reason kept. */
function givenBack({ tenant, id, fence, reason }: ClaimedNotification): Release {
  return { tenant, id, fence, to: "pending", retryIn: 0, refund: true, reason };
}

/** Its failure is seen by whoever awaits it, perhaps only after other work: until then it is nobody's unhandled one. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
