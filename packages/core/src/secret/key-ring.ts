import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import { type Agrees, parseInput } from "../validation.js";
import {
  headerOf,
  keyIdPattern,
  nonceLength,
  saltLength,
  sealedParts,
  sealedText,
  tagLength,
  unreadable,
} from "./sealed-text.js";
import { authenticated, parsePlace, type SecretPlace } from "./secret-place.js";

export interface KeyRingOptions {
  /** The id of the key that seals. */
  readonly current: string;
  /**
   * Keys by id, each the base64 of 32 random bytes: the current one, and those before it for as long as anything is sealed
   * with them. An id has up to 64 letters, digits, `-` and `_`, and is stored with every secret.
   */
  readonly keys: Readonly<Record<string, string>>;
}

/** Seals secrets for one place in a database. Synchronous; takes some 20 µs each. */
export interface KeyRing {
  /** The id of the key that seals. */
  readonly current: string;
  /** A text that only this place opens; another one each time. Throws `invalid_options` for what is no text up to 64 kB. */
  seal(plaintext: string, place: SecretPlace): string;
  /** Throws `secret_unreadable` for a text that was changed, moved from another place, or sealed with an unknown key. */
  open(sealed: string, place: SecretPlace): string;
  /** Whether another key than the current one sealed it. */
  needsReseal(sealed: string): boolean;
  /** Sealed with the current key; the same text where it is already. Throws as `open` does. */
  reseal(sealed: string, place: SecretPlace): string;
}

const keyExpected = "base64 of 32 random bytes, as of: openssl rand -base64 32";

const optionsSchema = z.strictObject({
  current: z.string(),
  keys: z.record(z.string(), z.string()),
});

true satisfies Agrees<typeof optionsSchema, KeyRingOptions>;

const plaintextSchema = z
  .string()
  .max(65_536, { abort: true })
  .refine((text) => text.isWellFormed() && Buffer.byteLength(text) <= 65_536, "a text of at most 64 kB");

/**
 * AES-256-GCM with a key of its own for each value: HKDF-SHA-256 (RFC 5869) of the host's key, a random salt of 32 bytes and
 * the tenant. NIST SP 800-38D section 8.3 allows 2^32 values under one key where nonces are random; here it is one value, so
 * there is nothing to count, and no key to store. Format, key id, tenant, table, column and row are authenticated.
 */
export function keyRing(options: KeyRingOptions): KeyRing {
  const { current, keys } = parseInput(optionsSchema, options, "invalid_options", "keyRing");
  const ring = new Map<string, KeyObject>();
  for (const [id, text] of Object.entries(keys)) {
    if (!keyIdPattern.test(id)) throw refused("keyRing.keys", "ids of up to 64 letters, digits, - and _");
    ring.set(id, keyOf(text, id));
  }
  const sealing = ring.get(current);
  if (sealing === undefined) throw refused("keyRing.current", "the id of one of the keys");
  const all = [...ring.values()];
  if (all.some((key, i) => all.slice(i + 1).some((other) => key.equals(other)))) {
    throw refused("keyRing.keys", "different keys: two ids have the same one");
  }

  function seal(plaintext: string, place: SecretPlace): string {
    const at = parsePlace(place);
    const text = parseInput(plaintextSchema, plaintext, "invalid_options", "plaintext");
    const salt = randomBytes(saltLength);
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv("aes-256-gcm", valueKey(sealing!, salt, at.tenant), nonce);
    cipher.setAAD(authenticated(headerOf(current), at));
    const ciphertext = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return sealedText({ keyId: current, salt, nonce, ciphertext, tag: cipher.getAuthTag() });
  }

  function open(sealed: string, place: SecretPlace): string {
    const at = parsePlace(place);
    const { keyId, salt, nonce, ciphertext, tag } = sealedParts(sealed);
    const key = ring.get(keyId);
    if (key === undefined) throw unreadable(`key "${keyId}" is not in the key ring`);
    const decipher = createDecipheriv("aes-256-gcm", valueKey(key, salt, at.tenant), nonce, {
      authTagLength: tagLength,
    });
    decipher.setAAD(authenticated(headerOf(keyId), at));
    decipher.setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString("utf8");
    } catch {
      // without a cause: whether it was changed, moved or never ours looks the same, and is nobody's business
      throw unreadable("it was changed, or sealed for another tenant, table, column or row, or with another key");
    }
  }

  const needsReseal = (sealed: string): boolean => sealedParts(sealed).keyId !== current;
  return {
    current,
    seal,
    open,
    needsReseal,
    reseal(sealed, place) {
      const plaintext = open(sealed, place);
      return needsReseal(sealed) ? seal(plaintext, place) : sealed;
    },
  };
}

function valueKey(key: KeyObject, salt: Buffer, tenant: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, `milepost secret 1 ${tenant}`, 32));
}

function keyOf(text: string, id: string): KeyObject {
  const bytes = Buffer.from(text, "base64");
  const plain = (base64: string) => base64.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  if (bytes.length !== 32 || plain(bytes.toString("base64")) !== plain(text.trim())) {
    throw refused(`keyRing.keys.${id}`, keyExpected);
  }
  if (bytes.every((byte) => byte === bytes[0])) throw refused(`keyRing.keys.${id}`, keyExpected);
  return createSecretKey(bytes);
}

function refused(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_options", `${path}: ${expected}`, { path, expected });
}
