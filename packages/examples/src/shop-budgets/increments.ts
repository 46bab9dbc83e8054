import { randomSequence } from "../random-sequence.js";
import { type Day, monthEnd, monthStart } from "./calendar.js";
import type { PlannedMonth } from "./shop-month.js";

/** One step of a shop's spend. */
export interface Increment {
  /** The same in every run, so that it counts once. */
  readonly id: string;
  readonly shop: number;
  readonly cents: number;
  readonly at: Date;
}

/** A shop's spend of a month, in the order of time. */
export type IncrementsOf = (month: PlannedMonth, zone: string) => Iterable<Increment>;

/**
 * Random amounts at random times of the month, that depend on nothing but the plan; none is 0, so there are no more of them
 * than cents. Made one at a time: however many there are, none is kept.
 */
export function* randomIncrements(planned: PlannedMonth, zone: string): Generator<Increment> {
  const { shop, month, spent, seed } = planned;
  const random = randomSequence(Math.imul(seed + 1, 0x9e3779b1) ^ (shop * 1_009 + Number(month.replace("-", ""))));
  const end = monthEnd(month, zone).getTime();
  let time = monthStart(month, zone).getTime();
  let rest = spent;
  const count = incrementCount(planned);
  for (let number = 1, left = count; left > 0; number++, left--) {
    // of what is left an equal part on average, and a cent at least
    const drawn = 1 + Math.floor(random() * ((2 * rest) / left - 1));
    const cents = left === 1 ? rest : Math.min(drawn, rest - (left - 1));
    time += Math.floor((random() * 2 * (end - time)) / (left + 1));
    rest -= cents;
    yield { id: `${shop}/${month}/${number}`, shop, cents, at: new Date(time) };
  }
}

/** How many increments {@link randomIncrements} makes. */
export function incrementCount({ spent, splits }: PlannedMonth): number {
  return Math.min(splits, spent);
}

/** Hands out what several shops spend in a month day by day, all shops together in the order of time. */
export class SpendOfMonth {
  readonly #shops: { readonly rest: Iterator<Increment>; next: Increment | undefined }[];

  constructor(months: readonly PlannedMonth[], incrementsOf: IncrementsOf, zone: string) {
    this.#shops = months.map((month) => {
      const rest = incrementsOf(month, zone)[Symbol.iterator]();
      return { rest, next: rest.next().value };
    });
  }

  /** Days are asked for in their order. */
  on({ end }: Day): readonly Increment[] {
    const spent: Increment[] = [];
    for (const shop of this.#shops) {
      for (; shop.next !== undefined && shop.next.at < end; shop.next = shop.rest.next().value) spent.push(shop.next);
    }
    return spent.sort((a, b) => a.at.getTime() - b.at.getTime());
  }
}
