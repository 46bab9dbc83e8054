/** Milliseconds for which providers keep idempotency keys. */
export const keyLifetime = 86_400_000;

interface Kept {
  readonly payload: string;
  /** Milliseconds since 1970; undefined while the first call is under way. */
  readonly acceptedAt: number | undefined;
}

/** What a provider that honours idempotency keys remembers of them: each for 24 hours from its acceptance. */
export class KeyMemory {
  readonly #keys = new Map<string, Kept>();

  /** `new`: it is under way from now on, until {@link done}. */
  ask(key: string, payload: string, now: number): "new" | "under way" | "accepted" | "other payload" {
    const kept = this.#keys.get(key);
    if (kept === undefined || (kept.acceptedAt !== undefined && now - kept.acceptedAt >= keyLifetime)) {
      this.#keys.set(key, { payload, acceptedAt: undefined });
      return "new";
    }
    if (kept.payload !== payload) return "other payload";
    return kept.acceptedAt === undefined ? "under way" : "accepted";
  }

  done(key: string, now: number): void {
    const kept = this.#keys.get(key);
    if (kept !== undefined) this.#keys.set(key, { ...kept, acceptedAt: now });
  }
}
