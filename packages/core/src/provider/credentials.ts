import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { KeyRing } from "../secret/key-ring.js";
import type { SecretPlace } from "../secret/secret-place.js";
import { type Agrees, dateSchema, parsePresent } from "../validation.js";
import type { ProviderKey } from "./provider.js";

/** A login by a password. */
export interface PasswordCredentials {
  readonly type: "password";
  readonly user: string;
  readonly password: string;
}

/** A login by tokens of an OAuth 2.0 server (RFC 6749). */
export interface OAuthCredentials {
  readonly type: "oauth2";
  readonly user: string;
  readonly clientId: string;
  /** Absent for a public client. */
  readonly clientSecret?: string;
  readonly scopes?: readonly string[];
  /** Absent: one is fetched before the first call. */
  readonly accessToken?: string;
  /** Absent: nothing can be renewed, and the account fails when the access token is over. */
  readonly refreshToken?: string;
  /** Of the access token; absent where the server did not say. */
  readonly expiresAt?: Date;
}

/** What a host's own kind of account needs. */
export interface OwnCredentials {
  readonly type: "own";
  readonly values: Readonly<Record<string, string>>;
}

export type ProviderCredentials = PasswordCredentials | OAuthCredentials | OwnCredentials;

// what is written into a session on a line of its own, or into a header, has no line breaks
const secret = z
  .string()
  .min(1)
  .max(10_000)
  .refine((text) => text.isWellFormed() && !/[\0\r\n]/.test(text), "a text on one line");

const passwordSchema = z.strictObject({ type: z.literal("password"), user: secret, password: secret });
const oauthSchema = z.strictObject({
  type: z.literal("oauth2"),
  user: secret,
  clientId: secret,
  clientSecret: secret.optional(),
  scopes: z.array(secret).max(100).readonly().optional(),
  accessToken: secret.optional(),
  refreshToken: secret.optional(),
  expiresAt: dateSchema.optional(),
});
const ownSchema = z.strictObject({ type: z.literal("own"), values: z.record(z.string().max(200), z.string()) });

true satisfies Agrees<typeof passwordSchema, PasswordCredentials>;
true satisfies Agrees<typeof oauthSchema, OAuthCredentials>;
true satisfies Agrees<typeof ownSchema, OwnCredentials>;

export const credentialsSchema: z.ZodType<ProviderCredentials, ProviderCredentials> = z
  .discriminatedUnion("type", [passwordSchema, oauthSchema, ownSchema])
  .refine(
    (given) => given.type !== "oauth2" || given.accessToken !== undefined || given.refreshToken !== undefined,
    "an access token, a refresh token, or both",
  ) as unknown as z.ZodType<ProviderCredentials, ProviderCredentials>;

/** Where an account's credentials are stored: what opens them there opens them nowhere else. */
export function credentialsPlace({ tenant, id }: ProviderKey): SecretPlace {
  return { tenant, table: "providers", column: "credentials", row: id };
}

/** Throws `invalid_options` without a ring. */
export function sealedCredentials(ring: KeyRing | undefined, key: ProviderKey, given: ProviderCredentials): string {
  return ringOf(ring).seal(JSON.stringify(given), credentialsPlace(key));
}

/** Throws `secret_unreadable` for what was changed, moved from another row, or sealed with a key that is not there. */
export function openedCredentials(ring: KeyRing | undefined, key: ProviderKey, sealed: string): ProviderCredentials {
  const { expiresAt, ...stored } = JSON.parse(ringOf(ring).open(sealed, credentialsPlace(key)));
  const given = { ...stored, ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }) };
  return parsePresent<ProviderCredentials>(credentialsSchema, given, "secret_unreadable", "credentials");
}

export function ringOf(ring: KeyRing | undefined): KeyRing {
  if (ring !== undefined) return ring;
  const expected = "keyRing({ … }), with which credentials of accounts are sealed";
  throw new MilepostError("invalid_options", `keyRing: ${expected}`, { path: "keyRing", expected });
}
