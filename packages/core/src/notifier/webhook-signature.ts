import { createHmac, timingSafeEqual } from "node:crypto";
import { MilepostError } from "../errors.js";

// Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

/** The key of a secret. A type of its own, so that no text is taken for it. */
export type WebhookKey = Buffer & { readonly webhookKey?: never };

const expected = "whsec_ and the base64 of 24 to 64 random bytes";

/** Reads secrets, or throws `invalid_options` with `path`. Never quotes one. */
export function webhookKeys(secrets: unknown, path: string): readonly WebhookKey[] {
  const several = Array.isArray(secrets);
  const list: readonly unknown[] = several ? secrets : [secrets];
  if (list.length === 0 || list.length > maxSecrets) {
    throw refused(path, `1 to ${maxSecrets} secrets: the new one, and old ones while receivers still use them`);
  }
  return list.map((secret, i) => keyOf(secret) ?? raise(refused(several ? `${path}[${i}]` : path, expected)));
}

/** More makes the header long; two are enough for a rotation. */
const maxSecrets = 10;

function keyOf(secret: unknown): WebhookKey | undefined {
  const [, text] = typeof secret === "string" ? (/^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(secret) ?? []) : [];
  if (text === undefined) return undefined;
  const key = Buffer.from(text, "base64");
  const sound =
    key.length >= 24 && key.length <= 64 && key.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
  return sound ? key : undefined;
}

function refused(path: string, words: string): MilepostError {
  return new MilepostError("invalid_options", `${path}: ${words}`, { path, expected: words });
}

function raise(error: Error): never {
  throw error;
}

/** What is signed. `timestamp` in seconds, as in the header. */
export interface SignedParts {
  readonly id: string;
  readonly timestamp: number;
  readonly body: string | Uint8Array;
}

/** The header `webhook-signature`: one signature by each key, so that receivers with any of the secrets can verify it. */
export function webhookSignature(parts: SignedParts, keys: readonly WebhookKey[]): string {
  return keys.map((key) => `v1,${digest(parts, key).toString("base64")}`).join(" ");
}

/**
 * Whether the header holds a signature by one of the keys. In constant time: every signature is compared with every key,
 * whatever was found before. Signatures of other versions are passed over.
 */
export function isSignedBy(header: string, parts: SignedParts, keys: readonly WebhookKey[]): boolean {
  const given = header
    .split(" ", maxSignatures)
    .flatMap((each) => (each.startsWith("v1,") ? [Buffer.from(each.slice(3), "base64")] : []));
  let found = false;
  for (const key of keys) {
    const wanted = digest(parts, key);
    for (const each of given) {
      if (each.length === wanted.length && timingSafeEqual(each, wanted)) found = true;
    }
  }
  return found;
}

/** Signatures that are looked at, so that a header of 16 kB is no work. */
const maxSignatures = 20;

function digest({ id, timestamp, body }: SignedParts, key: WebhookKey): Buffer {
  return createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
}
