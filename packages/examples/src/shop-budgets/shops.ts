/** A shop as it was before the first month. */
export interface Shop {
  readonly id: number;
  readonly name: string;
  readonly online: boolean;
}

const known: readonly Shop[] = [
  { id: 1, name: "Steve McQueen", online: true },
  { id: 2, name: "Fashion Quasar", online: false },
  { id: 3, name: "As Seen On Sale", online: true },
  { id: 4, name: "H&R", online: false },
  { id: 5, name: "Meow Meow", online: true },
  { id: 6, name: "Dole & Cabbage", online: false },
  { id: 7, name: "George Manly", online: true },
  { id: 8, name: "Harrison Ford", online: true },
];

/** A shop that nobody has heard of yet is offline until it has a budget. */
export function shopNumbered(id: number): Shop {
  return known.find((shop) => shop.id === id) ?? { id, name: `Shop ${id}`, online: false };
}
