import * as z from "zod";
import { oneLine } from "../errors.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import type { AddressKey, SuppressionRepository } from "../store/suppression-repository.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, pageFields, parseInput, parsePresent, whySchema } from "../validation.js";
import { addressSchema, recipientKey } from "./recipient.js";
import {
  type Consent,
  everything,
  type Suppression,
  type SuppressionReason,
  suppressionReasons,
} from "./suppression.js";

/** Whose address, who acts on it, and why: kept with the act. */
export interface AddressAct {
  readonly tenant?: string;
  /** The bare one: `olga@acme.example`, no name and no `mailto:`. */
  readonly address: string;
  /** One kind of message; `"*"`, everything, unless said. */
  readonly scope?: string;
  readonly by: string;
  readonly why: string;
}

export interface Suppressing extends AddressAct {
  /** `"manual"` unless said. */
  readonly reason?: SuppressionReason;
  /** What the other side said; kept on one line, at most 500 characters. */
  readonly detail?: string;
}

export interface SoftBounce extends Omit<AddressAct, "scope"> {
  /** With so many in a row the address is suppressed; 3 unless said. */
  readonly limit?: number;
  /** Milliseconds after which an older one is no longer of the row; 30 days unless said. */
  readonly within?: number;
  readonly detail?: string;
}

export interface Consenting extends AddressAct {
  /** Where it was given: a form, an import, a call. */
  readonly source: string;
}

/** What can be narrowed when suppressions or consents are listed. Ordered by address, then scope. */
export interface AddressQuery {
  readonly tenant?: string;
  readonly address?: string;
  readonly scope?: string;
  /** The last one of the page before. */
  readonly after?: { readonly recipientKey: string; readonly scope: string };
  /** 100 unless said. */
  readonly limit?: number;
}

export interface SuppressionQuery extends AddressQuery {
  readonly reason?: SuppressionReason;
}

/** Addresses that must not be written to, and consent. What they forbid is not sent once the call has returned. */
export interface Suppressions {
  /** Forbids an address in a scope, at once; `stopped` is how many waiting notifications that ended. */
  add(input: Suppressing): Promise<{ readonly suppression: Suppression; readonly stopped: number }>;
  /**
   * Counts a soft bounce; with too many in a row the address is suppressed. A hard one is added at once. `suppression`: the
   * one of everything that stands, also if it stood before; null if there is none.
   */
  bounced(
    input: SoftBounce,
  ): Promise<{ readonly bounces: number; readonly suppression: Suppression | null; readonly stopped: number }>;
  /** A person allows an address again. False if it was not forbidden in that scope. */
  release(input: AddressAct): Promise<boolean>;
  list(query?: SuppressionQuery): Promise<readonly Suppression[]>;
  /** A recipient agreed to messages of a scope. */
  consent(input: Consenting): Promise<Consent>;
  /** It agrees no longer; messages that need its consent end. */
  withdraw(input: Consenting): Promise<{ readonly consent: Consent; readonly stopped: number }>;
  consents(query?: AddressQuery): Promise<readonly Consent[]>;
}

// a bounce is not refused because of what it says
const detailSchema: z.ZodType<string, string> = z.string().transform(oneLine);
const actFields = {
  tenant: keySchema.default(defaultTenant),
  address: addressSchema,
  scope: keySchema.default(everything),
  by: keySchema,
  why: whySchema,
};
const { scope: _, ...bounceFields } = actFields;
const month = 30 * 86_400_000;

const actSchema = z.strictObject(actFields);
const addSchema = z.strictObject({
  ...actFields,
  reason: z.enum(suppressionReasons).default("manual"),
  detail: detailSchema.optional(),
});
const bounceSchema = z.strictObject({
  ...bounceFields,
  limit: z.int().min(1).max(1_000).default(3),
  within: z.int("whole milliseconds, 1 or more").min(1).default(month),
  detail: detailSchema.optional(),
});
const consentSchema = z.strictObject({ ...actFields, source: whySchema });
const queryFields = {
  ...pageFields,
  address: addressSchema.optional(),
  scope: keySchema.optional(),
  after: z.strictObject({ recipientKey: keySchema, scope: keySchema }).optional(),
};
const querySchema = z.strictObject(queryFields);
const suppressionQuerySchema = z.strictObject({ ...queryFields, reason: z.enum(suppressionReasons).optional() });

true satisfies Agrees<typeof actSchema, AddressAct>;
true satisfies Agrees<typeof addSchema, Suppressing>;
true satisfies Agrees<typeof bounceSchema, SoftBounce>;
true satisfies Agrees<typeof consentSchema, Consenting>;
true satisfies Agrees<typeof querySchema, AddressQuery>;
true satisfies Agrees<typeof suppressionQuerySchema, SuppressionQuery>;

/** An address under its key. */
function keyed<Input extends { readonly address: string }>(
  input: Input,
): Omit<Input, "address"> & Pick<AddressKey, "recipientKey"> {
  const { address, ...rest } = input;
  return { ...rest, recipientKey: recipientKey(address) };
}

type Wanted = Parameters<SuppressionRepository["list"]>[0];

function wanted(schema: z.ZodType, query: AddressQuery): Wanted {
  const { address, ...rest } = parsePresent<AddressQuery>(schema, query, "invalid_options");
  return { ...rest, ...(address !== undefined && { recipientKeys: [recipientKey(address)] }) } as Wanted;
}

export function suppressionsOver(store: Store, runtime: Runtime): Suppressions {
  const { suppressions } = store;
  const consent = (granted: boolean, input: Consenting) =>
    suppressions.consent({
      ...keyed(parseInput(consentSchema, input, "invalid_options")),
      granted,
      ...storeNow(runtime),
    });
  return {
    async add(input) {
      const { detail = null, ...act } = keyed(parseInput(addSchema, input, "invalid_options"));
      return suppressions.add({ ...act, detail, ...storeNow(runtime) });
    },
    async bounced(input) {
      const { detail = null, ...act } = keyed(parseInput(bounceSchema, input, "invalid_options"));
      return suppressions.bounced({ ...act, detail, ...storeNow(runtime) });
    },
    release: async (input) =>
      suppressions.release({ ...keyed(parseInput(actSchema, input, "invalid_options")), ...storeNow(runtime) }),
    list: async (query = {}) => suppressions.list(wanted(suppressionQuerySchema, query)),
    consent: async (input) => (await consent(true, input)).consent,
    withdraw: async (input) => consent(false, input),
    consents: async (query = {}) => suppressions.consents(wanted(querySchema, query)),
  };
}
