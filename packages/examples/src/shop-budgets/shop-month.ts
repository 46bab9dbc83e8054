/** What a shop may spend in a month, and what it will have spent by its end; in cents. */
export interface ShopMonth {
  readonly shop: number;
  /** `2020-06`. */
  readonly month: string;
  readonly budget: number;
  readonly spent: number;
}

/** A shop's month with how its spend is cut into increments. */
export interface PlannedMonth extends ShopMonth {
  /** How many there are. */
  readonly splits: number;
  readonly seed: number;
}

export function byMonthAndShop(a: ShopMonth, b: ShopMonth): number {
  return a.month === b.month ? a.shop - b.shop : a.month < b.month ? -1 : 1;
}
