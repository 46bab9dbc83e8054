import { describe, expect, test } from "vitest";
import { nile, tyne } from "./companies.js";
import { asTheyCome } from "./heard-of.js";
import { contactsCsv } from "./older-system.js";
import { seasonOf } from "./season.js";

describe("a season", () => {
  test.each([nile, tyne])("has as many invoices as $name has, each once, whatever the seed", (company) => {
    for (let seed = 0; seed < 50; seed++) {
      const customers = seasonOf(company, seed);
      const invoices = customers.flatMap((customer) => customer.invoices);
      expect(invoices.length).toBe(company.invoices);
      expect(new Set(invoices.map(({ key }) => key)).size).toBe(company.invoices);
      expect(new Set(customers.map(({ address }) => address)).size).toBe(customers.length);
      for (const { invoices: own } of customers) {
        const dues = own.map(({ due }) => due);
        expect(dues).toEqual([...dues].sort());
        expect(own.length).toBeLessThanOrEqual(company.mostInvoices);
      }
    }
  });

  test("is the same for the same seed, and another for another", () => {
    expect(seasonOf(nile, 3)).toEqual(seasonOf(nile, 3));
    expect(seasonOf(nile, 3)).not.toEqual(seasonOf(nile, 4));
  });

  test("is exported with three rows that nobody can write to, in the middle", () => {
    const customers = seasonOf(tyne, 1);
    const lines = contactsCsv(customers).trimEnd().split("\n");
    expect(lines.length).toBe(1 + customers.length + 3);
    expect(lines.findIndex((line) => line.startsWith("x1,"))).toBeGreaterThan(5);
    expect(lines.at(-1)).toContain(customers.at(-1)!.address);
  });
});

test("events come one to three times, and not in the order in which they happened", () => {
  const events = Array.from({ length: 300 }, (_, i) => ({ source: "provider", id: `${i}`, type: "opened" }) as const);
  const calls = asTheyCome(events, 1);
  const times = events.map((event) => calls.filter(({ id }) => id === event.id).length);
  expect(new Set(times)).toEqual(new Set([1, 2, 3]));
  expect(calls.map(({ id }) => Number(id))).not.toEqual(calls.map(({ id }) => Number(id)).sort((a, b) => a - b));
});
