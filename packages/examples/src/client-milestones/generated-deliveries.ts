import { randomSequence } from "../random-sequence.js";
import type { LoggedDelivery } from "./delivery.js";

const firstAt = Date.parse("2026-01-01T00:00:00Z");
/** One client outgrows the others, so that 1,100,000 deliveries are enough to cross 1,000,000. */
const biggestShare = 0.95;
const deliveredShare = 0.98;

/**
 * Producer: `count` deliveries spread over the clients, one every quarter of a second, made when they are asked for. The
 * same seed gives the same stream, and a longer one begins with the shorter one.
 */
export function* generatedDeliveries(
  count: number,
  seed: number,
  clients: readonly string[],
): Generator<LoggedDelivery> {
  const random = randomSequence(seed);
  const [biggest, ...others] = clients;
  for (let n = 1; n <= count; n++) {
    const share = random();
    const other = others[Math.floor(((share - biggestShare) / (1 - biggestShare)) * others.length)];
    const luck = random();
    const status = luck < deliveredShare ? "delivered" : luck < (1 + deliveredShare) / 2 ? "bounced" : "failed";
    yield {
      line: n,
      delivery: {
        id: `gen-${seed}-${n}`,
        client: share < biggestShare || other === undefined ? biggest! : other,
        address: `reader-${Math.floor(random() * 1e6)}@example.net`,
        status,
        deliveredAt: new Date(firstAt + n * 250),
      },
    };
  }
}
