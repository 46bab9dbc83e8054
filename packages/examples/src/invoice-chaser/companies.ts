/** A company that chases its invoices through the platform: a tenant of the engine. */
export interface Company {
  /** The tenant. */
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly currency: string;
  readonly invoices: number;
  /** A customer has so many of them at most. */
  readonly mostInvoices: number;
  /** Of a hundred customers so many read Arabic. */
  readonly arabic: number;
  /** By their place among the customers: whose mailbox is gone, is full, who complains and who unsubscribes. */
  readonly gone: readonly number[];
  readonly full: readonly number[];
  readonly complaining: readonly number[];
  readonly unsubscribing: readonly number[];
}

export const nile: Company = {
  ...{ id: "nile", name: "Nile Supplies", zone: "Africa/Cairo", currency: "EGP" },
  ...{ invoices: 400, mostInvoices: 4, arabic: 60 },
  ...{ gone: [11, 71, 131], full: [4], complaining: [33, 101], unsubscribing: [50] },
};

export const tyne: Company = {
  ...{ id: "tyne", name: "Tyne Tools", zone: "Europe/London", currency: "GBP" },
  ...{ invoices: 150, mostInvoices: 8, arabic: 10 },
  ...{ gone: [7], full: [], complaining: [19], unsubscribing: [] },
};

export function companyOf(tenant: string): Company {
  return tenant === nile.id ? nile : tyne;
}
