import * as http from "node:http";
import * as https from "node:https";
import type { LookupFunction } from "node:net";
import type { AddressGuard } from "./address-guard.js";

export interface ConnectionsOptions {
  /** Connections stay open for the next call. */
  readonly keepAlive: boolean;
  /** PEM certificates that are trusted instead of those that come with Node. */
  readonly ca?: readonly string[] | undefined;
  /** What may be connected to; anything without it. */
  readonly guard?: AddressGuard;
}

/** Milliseconds that a kept connection may rest: below the 5 s of Node's own servers, and the default of any proxy. */
const longestRest = 4_000;

/** A notifier's connections. Agents of its own: what the process or its environment sets on the global ones means others. */
export class Connections {
  readonly guard: AddressGuard | undefined;
  readonly ca: readonly string[] | undefined;
  readonly lookup: LookupFunction | undefined;
  readonly #kept: readonly [http: http.Agent, https: https.Agent] | undefined;
  readonly #new: readonly [http: http.Agent, https: https.Agent];

  constructor({ keepAlive, ca, guard }: ConnectionsOptions) {
    this.guard = guard;
    this.ca = ca;
    this.lookup = guard?.lookup;
    this.#new = [new http.Agent({ keepAlive: false }), new https.Agent({ keepAlive: false })];
    const kept = { keepAlive: true, timeout: longestRest };
    if (keepAlive) this.#kept = [new http.Agent(kept), new https.Agent(kept)];
  }

  agentFor(url: URL): http.Agent {
    return pick(this.#kept ?? this.#new, url);
  }

  /** One that has no connection yet. */
  newAgentFor(url: URL): http.Agent {
    return pick(this.#new, url);
  }

  close(): void {
    for (const agent of [...this.#new, ...(this.#kept ?? [])]) agent.destroy();
  }
}

function pick([plain, secure]: readonly [http.Agent, https.Agent], url: URL): http.Agent {
  return url.protocol === "https:" ? secure : plain;
}
