import * as z from "zod";

export const deliveryStatuses = ["delivered", "bounced", "failed"] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** What became of one email, as the platform's delivery log tells it. */
export interface Delivery {
  readonly id: string;
  readonly client: string;
  readonly address: string;
  readonly status: DeliveryStatus;
  /** Null only for an email that never arrived. */
  readonly deliveredAt: Date | null;
}

/** A delivery and where it stood in its log, counted from 1. */
export interface LoggedDelivery {
  readonly line: number;
  readonly delivery: Delivery;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused
const controlCharacter = /[\u0000-\u001f\u007f]/;

const text = (maxBytes: number) =>
  z
    .union([z.string(), z.number().transform(String)], "is missing")
    .transform((value) => value.trim())
    .refine((value) => value !== "", "is empty")
    .refine((value) => Buffer.byteLength(value) <= maxBytes, `is longer than ${maxBytes} bytes`)
    .refine((value) => value.isWellFormed() && !controlCharacter.test(value), "has a control character");

const status = text(20)
  .transform((value) => value.toLowerCase())
  .pipe(
    z.enum(deliveryStatuses, {
      error: ({ input }) => `"${input}" is none of ${deliveryStatuses.join(", ")}`,
    }),
  );

/** A date alone is its midnight, a time without an offset is UTC. */
const iso = z.union([z.iso.datetime({ offset: true, local: true }), z.iso.date()]);

const instant = text(64).transform((value, context) => {
  const date = new Date(/[zZ]$|[+-]\d\d:?\d\d$|^\d{4}-\d\d-\d\d$/.test(value) ? value : `${value}Z`);
  if (iso.safeParse(value).success && !Number.isNaN(date.getTime())) return date;
  context.issues.push({
    code: "custom",
    message: `"${value}" is no ISO 8601 date (2026-01-01T10:00:00Z is one)`,
    input: value,
  });
  return z.NEVER;
});

const deliverySchema = z
  .object({
    id: text(200),
    client: text(200),
    address: text(320),
    status,
    delivered_at: z.union([z.literal("").transform(() => null), z.null(), instant]).default(null),
  })
  .refine((row) => row.status !== "delivered" || row.delivered_at !== null, {
    path: ["delivered_at"],
    message: "is empty, but the email was delivered",
  });

/** A row of the log, or the first thing that is wrong with it. */
export function parseDelivery(row: unknown): Delivery | { readonly problem: string } {
  const parsed = deliverySchema.safeParse(row);
  if (parsed.success) {
    const { id, client, address, status, delivered_at: deliveredAt } = parsed.data;
    return { id, client, address, status, deliveredAt };
  }
  const issue = deepest(parsed.error.issues[0]!);
  const field = issue.path.join(".");
  return { problem: field === "" ? "is no object" : `${field} ${issue.message}` };
}

/** Of a union's alternatives the last one is the one that was meant. */
function deepest(issue: z.core.$ZodIssue): { readonly path: readonly PropertyKey[]; readonly message: string } {
  const inner = issue.code === "invalid_union" ? issue.errors.at(-1)?.at(-1) : undefined;
  if (inner === undefined || inner.code !== "custom") return issue;
  return { path: [...issue.path, ...inner.path], message: inner.message };
}
