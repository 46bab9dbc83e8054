import mitt, { type Emitter } from "mitt";
import type { Reason } from "./delivery/reason.js";
import { describeError } from "./errors.js";
import type { NewCrossing } from "./milestone/crossing.js";

/** What an attempt is about; ids only, so that a log of it holds no address. */
export interface NotificationEvent {
  readonly tenant: string;
  readonly notification: string;
  readonly attempt: number;
  readonly reason: Reason | null;
}

export interface CrossingEvent {
  readonly tenant: string;
  readonly crossing: string;
  readonly milestone: string;
  readonly subject: string;
}

/** Everything the engine tells of itself while it runs. For watching, not for deciding: the store is the record. */
export interface MilepostEvents {
  /** A crossing was recorded by this process. */
  crossing: NewCrossing;
  /** Its notifications are queued. */
  announced: CrossingEvent & { readonly notifications: number };
  /** Its resolver found nobody. */
  unaddressed: CrossingEvent;
  /** Its announcement failed; `final` once its tries are used up. */
  announce_failed: CrossingEvent & { readonly reason: Reason; readonly final: boolean; readonly error: unknown };
  /** A notification was marked and is handed to its notifier now. */
  sending: NotificationEvent;
  sent: NotificationEvent;
  /** A definite refusal that is tried again. */
  retry: NotificationEvent;
  failed: NotificationEvent;
  /** Its time was over before it could be sent. */
  expired: NotificationEvent;
  /** Nobody knows whether it was sent. */
  ambiguous: NotificationEvent;
  unknown: NotificationEvent;
  /** A worker came back after its lease was over; its result changed nothing, or was taken as evidence. */
  lease_lost: NotificationEvent & { readonly evidence: boolean };
  /** A step of the worker failed and will be tried again. */
  error: { readonly where: string; readonly error: unknown };
}

export type Emit = <Name extends keyof MilepostEvents>(name: Name, event: MilepostEvents[Name]) => void;

/** mitt, isolated: mitt itself lets a listener's exception reach the emitter. */
export class Events {
  // mitt wants a type with an index signature, which an interface has not
  readonly #emitter: Emitter<{ [Name in keyof MilepostEvents]: MilepostEvents[Name] }> = mitt();

  /** Hears `name` until the returned function is called. A listener that throws changes nothing; it is told of once. */
  on<Name extends keyof MilepostEvents>(name: Name, listener: (event: MilepostEvents[Name]) => void): () => void {
    let told = false;
    const failed = (error: unknown): void => {
      if (told) return;
      told = true;
      process.emitWarning(`A listener of "${name}" failed: ${describeError(error)}`, "MilepostWarning");
    };
    const isolated = (event: MilepostEvents[Name]): void => {
      try {
        // an async listener's rejection is a listener's error too
        const returned: unknown = listener(event);
        if (returned instanceof Promise) returned.catch(failed);
      } catch (error) {
        failed(error);
      }
    };
    this.#emitter.on(name, isolated);
    return () => this.#emitter.off(name, isolated);
  }

  readonly emit: Emit = (name, event) => {
    if (name === "error" && !this.#emitter.all.get("error")?.length) {
      // nobody listens for errors: a worker that cannot reach its database must not fail in silence
      const { where, error } = event as MilepostEvents["error"];
      process.emitWarning(`${where}: ${describeError(error)}`, "MilepostWarning");
    }
    this.#emitter.emit(name, event);
  };
}
