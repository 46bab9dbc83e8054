import * as z from "zod";
import { type Agrees, keySchema } from "../validation.js";
import type { HttpTimeouts } from "./exchange.js";
import { deliveryModes } from "./notifier.js";

// What the notifiers that speak HTTP are given alike.

const milliseconds = z.int("whole milliseconds, 1 or more").min(1).max(3_600_000);

const timeoutsSchema = z.strictObject({ connect: milliseconds.optional(), total: milliseconds.optional() });

true satisfies Agrees<typeof timeoutsSchema, HttpTimeouts>;

const header = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/, "a header's name");

/** A function of the host. */
export function functionSchema<Of>(): z.ZodType<Of, Of> {
  return z.custom<Of>((value) => typeof value === "function", "a function");
}

/** What says where a request ends and who gets it. */
export const framing: readonly string[] = [
  "connection",
  "content-length",
  "expect",
  "host",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const headerText = z.string().regex(/^[\t\x20-\x7e]*$/, "printable ASCII on one line");

const text = z.string().min(1);

export const httpFields: {
  readonly name: z.ZodString;
  readonly channel: z.ZodString;
  readonly mode: z.ZodEnum<{ [Mode in (typeof deliveryModes)[number]]: Mode }>;
  readonly timeouts: z.ZodOptional<z.ZodType<HttpTimeouts, HttpTimeouts>>;
  readonly headerName: z.ZodString;
  readonly headers: z.ZodType<Readonly<Record<string, string>>, Readonly<Record<string, string>>>;
  readonly ca: z.ZodType<string | readonly string[], string | readonly string[]>;
} = {
  name: keySchema,
  channel: keySchema,
  mode: z.enum(deliveryModes),
  // zod makes no difference between an absent field and an undefined one
  timeouts: (timeoutsSchema as unknown as z.ZodType<HttpTimeouts, HttpTimeouts>).optional(),
  headerName: header,
  headers: z
    .record(header, headerText)
    .refine((given) => !Object.keys(given).some((name) => framing.includes(name.toLowerCase())), {
      error: `none of ${framing.join(", ")}`,
    }),
  ca: z.union([text, z.array(text).min(1)], "certificates in PEM"),
};

/** With what is meant where nothing is said. */
export function fullTimeouts({ connect = 5_000, total = 25_000 }: HttpTimeouts = {}): Required<HttpTimeouts> {
  return { connect, total };
}

export function certificates(ca: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof ca === "string" ? [ca] : ca;
}
