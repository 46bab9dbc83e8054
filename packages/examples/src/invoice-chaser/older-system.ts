import { readFile } from "node:fs/promises";
import { type ContactImport, type Milepost, MilepostError, type RejectedRow, type VersionInput } from "@milepost/core";
import type { Company } from "./companies.js";
import type { Customer } from "./season.js";

/** Where contacts and templates come from: kept with each of them. */
export const olderSystem = "InvoiceDesk 2.3";

/** Rows that the older system took, and that nobody can write to. */
const broken = [
  "x1,reception (no email),Front Desk,en-GB,,customer",
  'x2,,"Old, Customer",en-GB,,customer',
  "x3,info@",
];

/** Its customers as it exports them, with broken rows in the middle. */
export function contactsCsv(customers: readonly Customer[]): string {
  const rows = customers.map(({ id, address, name, locale, zone }) =>
    [id, address, name, locale, zone, "customer"].join(),
  );
  rows.splice(Math.floor(rows.length / 2), 0, ...broken);
  return ["id,address,name,locale,zone,tags", ...rows].map((row) => `${row}\n`).join("");
}

interface ExportedTemplate extends VersionInput {
  readonly company: string;
  readonly name: string;
  readonly category: string;
}

/** What moved in, and what did not. */
export interface MovedIn {
  readonly contacts: ContactImport;
  readonly rejected: readonly RejectedRow[];
  readonly templates: readonly string[];
  /** Templates that could not be stored, each with what is wrong. */
  readonly refused: readonly { readonly name: string; readonly why: string }[];
}

export async function moveIn(milepost: Milepost, company: Company, customers: readonly Customer[]): Promise<MovedIn> {
  const tenant = company.id;
  const acting = { tenant, by: "ann", why: `moving in from ${olderSystem}` };
  const csv = [contactsCsv(customers)];
  const contacts = await milepost.contacts.import({ ...acting, id: "moving-in", csv, source: olderSystem });
  const rejected = await milepost.contacts.rejected({ tenant, import: "moving-in" });
  const exported = JSON.parse(await readFile(new URL("sample/templates.json", import.meta.url), "utf8"));
  const templates: string[] = [];
  const refused: { name: string; why: string }[] = [];
  for (const { company: of, ...template } of exported as readonly ExportedTemplate[]) {
    if (of !== company.id) continue;
    try {
      const { name } = await milepost.templates.create({
        ...{ ...acting, ...template, origin: "imported", source: olderSystem },
      });
      templates.push(name);
    } catch (error) {
      if (!MilepostError.is(error) || error.code !== "invalid_template") throw error;
      refused.push({ name: template.name, why: error.message });
    }
  }
  return { contacts, rejected, templates, refused };
}
