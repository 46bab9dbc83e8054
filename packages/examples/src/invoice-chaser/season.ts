import { randomSequence } from "../random-sequence.js";
import type { Company } from "./companies.js";

// The platform's own data: customers and what they owe. The same for the same seed.

export interface Invoice {
  /** Unique to the company: what makes its mail one that is sent once. */
  readonly key: string;
  readonly number: string;
  /** In the minor unit. */
  readonly total: { readonly amount: number; readonly currency: string };
  /** A date, as `2026-10-17`. */
  readonly due: string;
  readonly link: string;
}

export interface Customer {
  readonly id: string;
  readonly address: string;
  readonly name: string;
  readonly locale: string;
  readonly zone: string;
  /** The one that is due longest first. */
  readonly invoices: readonly Invoice[];
  /** What only time will tell: whether mail arrives there, and what its reader thinks of it. */
  readonly fate: "reads" | "gone" | "full" | "complains" | "unsubscribes";
  /** Whether it is still to pay when the overdue notices go out. */
  readonly owes: boolean;
}

const english = ["Anna Reed", "Ben Marsh", "Carol Hope", "Dan Field", "Ella Stone", "Frank Hill"];
const arabic = ["أحمد حسن", "فاطمة علي", "محمود سالم", "نور عادل", "سارة كمال", "يوسف فؤاد"];

export function seasonOf(company: Company, seed: number): readonly Customer[] {
  const random = randomSequence(seed);
  const upTo = (most: number) => Math.floor(random() * most);
  const customers: Customer[] = [];
  for (let left = company.invoices, i = 0; left > 0; i++) {
    const reads = random() * 100 < company.arabic ? "ar" : "en";
    // a mailbox that is full says so once for each mail: three of them are enough
    const least = company.full.includes(i) ? 3 : 1;
    const count = Math.min(left, least + upTo(company.mostInvoices - least + 1));
    const first = company.invoices - left + 1;
    const invoices = Array.from({ length: count }, (_, n): Invoice => {
      const number = `${company.id.toUpperCase()}-${String(first + n).padStart(4, "0")}`;
      const total = { amount: 1_000 + upTo(2_000_000), currency: company.currency };
      const due = `2026-${upTo(2) === 0 ? "09" : "10"}-${String(1 + upTo(28)).padStart(2, "0")}`;
      return { key: number, number, total, due, link: `https://pay.example/${number.toLowerCase()}` };
    });
    const id = `${company.id}-c${String(i + 1).padStart(3, "0")}`;
    customers.push({
      ...{ id, address: `${id}@customer.example`, fate: fateOf(company, i), owes: random() < 0.3 },
      name: (reads === "ar" ? arabic : english)[upTo(6)]!,
      locale: reads === "ar" ? "ar-EG" : "en-GB",
      zone: company.zone,
      invoices: invoices.sort((a, b) => (a.due < b.due ? -1 : a.due > b.due ? 1 : 0)),
    });
    left -= count;
  }
  return customers;
}

function fateOf({ gone, full, complaining, unsubscribing }: Company, place: number): Customer["fate"] {
  if (gone.includes(place)) return "gone";
  if (full.includes(place)) return "full";
  if (complaining.includes(place)) return "complains";
  return unsubscribing.includes(place) ? "unsubscribes" : "reads";
}
