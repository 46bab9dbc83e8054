import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import { type Damage, damages } from "./damages.js";

/** A store with the rows of `soundHistory()`, of a moment `now`, and a hand that damages them. */
export interface SpoilableHistory {
  readonly store: Store;
  readonly now: Date;
  spoil(damage: Damage): Promise<void>;
}

/** What `verify()` must find in a store over an SQL database; each on a fresh history. */
export interface DamageCase {
  readonly name: string;
  run(history: SpoilableHistory): Promise<void>;
}

export const damageCases: readonly DamageCase[] = [
  {
    name: "it tells so many examples as were asked for, that there are more, and those of one tenant",
    async run({ store, spoil }) {
      await spoil(damages.find(({ invariant }) => invariant === "I16")!);
      const only = ["I16"] as const;
      const { checks } = await store.verify({ only, limit: 2 });
      assert.deepEqual(
        checks.map(({ id, violations, more }) => [id, violations.length, more]),
        [["I16", 2, true]],
      );
      assert.match(checks[0]!.violations[0]!.what, /^notification [0-9a-f-]{36}$/);
      for (const limit of [0, -1]) {
        const report = await store.verify({ only, limit });
        assert.deepEqual([report.sound, report.checks[0]!.violations, report.checks[0]!.more], [false, [], true]);
      }
      assert.equal((await store.verify({ only, tenant: "other" })).sound, true);
      assert.equal((await store.verify({ only, tenant: "default" })).sound, false);
    },
  },
  ...damages.map((damage, n) => ({
    name: `${damage.invariant}, ${damage.found} (${n}): is reported, by this invariant alone`,
    async run({ store, now, spoil }: SpoilableHistory) {
      await spoil(damage);
      const { checks } = await store.verify({ now });
      const violated = checks.filter(({ violations }) => violations.length > 0);
      assert.deepEqual(
        violated.map(({ id }) => id),
        [damage.invariant],
      );
      const found = violated[0]!.violations.map((violation) => violation.found);
      assert.ok(found.includes(damage.found), `it found ${found.join(", ")}`);
    },
  })),
];
