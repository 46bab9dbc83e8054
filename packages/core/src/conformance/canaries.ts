import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { Milepost } from "../engine.js";
import type { MilepostEvents } from "../events.js";
import type { Recipient } from "../recipient/recipient.js";

// Private values that all hold one word, which no file and no field is called by: wherever it turns up, one of them has.

const word = "kanarie";
export const canary: {
  readonly recipient: Recipient;
  readonly token: string;
  readonly password: string;
  readonly url: string;
} = {
  recipient: {
    address: `${word}.addr@leak.example`,
    name: `Karla ${word}`,
    firstName: `${word}karla`,
    lastName: `O'${word}`,
  },
  token: `tok_${word}_8842`,
  password: `${word}:p@ss/w0rd`,
  url: `smtp://mailer:${word}:p@ss/w0rd@mail.example:587`,
};
const { address, name, firstName, lastName } = canary.recipient;

/** What a careless notifier, driver or function of a host says: all of them at once. */
export const indiscretion: string = [
  `550 <${address}>: ${name} is unknown`,
  `${firstName} ${lastName} (${encodeURIComponent(address)}, ${address.toUpperCase()})`,
  `to ${canary.url}`,
  `password=${canary.password}, "token": "${canary.token}", Authorization: Bearer ${canary.token}`,
].join("; ");
/** The same without names, which only somebody who knows them can find. */
export const anonymously: string = [
  `no such user ${address} (${encodeURIComponent(address)})`,
  `at ${canary.url}, token ${canary.token}`,
].join("; ");

/** An error of the host's own: nobody changes it, so what is looked for in all that holds it is not looked for in it. */
export function ownError(text: string): Error {
  const error = Object.assign(new Error(text, { cause: new Error(text) }), { recipient: canary.recipient });
  const hidden = { value: () => "[an error of the host]" };
  return Object.defineProperties(error, { [inspect.custom]: hidden, toJSON: hidden });
}

const events: Readonly<Record<keyof MilepostEvents, true>> = {
  ...{ crossing: true, announced: true, unaddressed: true, announce_failed: true, adopted: true, behind: true },
  ...{ sending: true, sent: true, retry: true, failed: true, expired: true, suppressed: true, ambiguous: true },
  ...{
    campaign: true,
    campaign_refused: true,
    unknown: true,
    lease_lost: true,
    refused: true,
    error: true,
    degraded: true,
    recovered: true,
    clock_skew: true,
  },
  importing: true,
  deliveryEvent: true,
};

/** All that is told while an engine runs: events, warnings, what is printed, errors that are thrown. */
export class Told {
  readonly #told: [where: string, what: unknown][] = [];
  readonly #undo: (() => void)[] = [];

  constructor() {
    const warned = (warning: Error) => this.add("warning", warning);
    process.on("warning", warned);
    this.#undo.push(() => process.off("warning", warned));
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write;
      stream.write = ((text: unknown, ...rest: never[]) => {
        this.add("output", text);
        return write.call(stream, text as string, ...rest);
      }) as typeof stream.write;
      this.#undo.push(() => {
        stream.write = write;
      });
    }
    for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) {
      const print = console[method];
      console[method] = (...printed: unknown[]) => this.add(`console.${method}`, printed);
      this.#undo.push(() => {
        console[method] = print;
      });
    }
  }

  add(where: string, what: unknown): void {
    this.#told.push([where, what]);
  }

  /** Hears every event of an engine; those that are not heard are warned of, and so told as well. */
  hear(milepost: Milepost): void {
    for (const name of Object.keys(events) as (keyof MilepostEvents)[])
      milepost.on(name, (event) => this.add(name, event));
  }

  /** Keeps what `work` throws; fails if it throws nothing. */
  async thrownBy(where: string, work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      return this.add(where, error);
    }
    assert.fail(`${where} was to throw`);
  }

  count(where: string): number {
    return this.#told.filter(([place]) => place === where).length;
  }

  /** Ends the watch; fails if a canary is in anything that was told. */
  end(): void {
    for (const undo of this.#undo) undo();
    for (const [where, what] of this.#told) assertDiscreet(where, what);
  }
}

/** Fails if a canary is anywhere in a value: hidden properties, causes and getters included. */
export function assertDiscreet(where: string, what: unknown): void {
  const options = { showHidden: true, depth: null, maxArrayLength: null, maxStringLength: null, getters: true };
  const text = `${inspect(what, options)} ${typeof what === "string" ? what : JSON.stringify(what)}`;
  const at = text.toLowerCase().indexOf(word);
  if (at === -1) return;
  assert.fail(`${where} tells of it: ${text.slice(Math.max(0, at - 200), at + 60)}`);
}
