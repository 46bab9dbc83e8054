import type { ConnectionOptions } from "node:tls";
import * as z from "zod";
import { letterheadFields } from "../mime/letterhead-options.js";
import { parseOptions } from "../parse-options.js";
import type { ProviderMailOptions } from "./provider-mail.js";

const milliseconds = z.int().min(1).max(600_000).optional();
const functionOf = <F>() => z.custom<F>((value) => typeof value === "function", "a function");

const kindSchema = z.strictObject({
  host: z.string().min(1).max(253).optional(),
  port: z.int().min(1).max(65_535).optional(),
  secure: z.boolean().optional(),
  requireTLS: z.boolean().optional(),
  tls: z.custom<ConnectionOptions>((value) => typeof value === "object" && value !== null, "an object").optional(),
  tokenUrl: z.url({ protocol: /^https?$/, error: "the https address of a token endpoint" }).optional(),
});

const schema = z.strictObject({
  name: z
    .string()
    .regex(/^[^/]{1,80}$/, "a name without a slash")
    .optional(),
  mode: z.enum(["at-most-once", "at-least-once"]).optional(),
  kinds: z.record(z.string().min(1).max(80), kindSchema).optional(),
  allowServer: functionOf<NonNullable<ProviderMailOptions["allowServer"]>>().optional(),
  unsubscribe: letterheadFields.unsubscribe,
  sendTimeout: milliseconds,
  connections: z.int().min(1).max(100).optional(),
  accounts: z.int().min(1).max(100_000).optional(),
  renewBefore: z.int().min(0).max(3_600_000).optional(),
  runtime: z.object({ now: functionOf<() => Date>().optional() }).optional(),
});

/** Throws `invalid_options`, and never quotes what it was given. */
export function parseProviderMailOptions(options: ProviderMailOptions): ProviderMailOptions {
  return parseOptions<ProviderMailOptions>(schema, options);
}
