import { MilepostError } from "../errors.js";

/** Of the key id: what needs no quoting anywhere. */
export const keyIdPattern: RegExp = /^[A-Za-z0-9_-]{1,64}$/;

/** Bytes. */
export const saltLength = 32;
export const nonceLength = 12;
export const tagLength = 16;

/** A sealed secret in its parts. As text: `sealed1.<key id>.<base64url of salt, nonce, ciphertext and tag>`. */
export interface SealedParts {
  readonly keyId: string;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** The format and the key: what a sealed text says of itself. */
export function headerOf(keyId: string): string {
  return `sealed1.${keyId}`;
}

export function sealedText({ keyId, salt, nonce, ciphertext, tag }: SealedParts): string {
  return `${headerOf(keyId)}.${Buffer.concat([salt, nonce, ciphertext, tag]).toString("base64url")}`;
}

/** Throws `secret_unreadable` for what no version of this library has sealed. */
export function sealedParts(sealed: unknown): SealedParts {
  const [format, keyId = "", content = "", ...more] = typeof sealed === "string" ? sealed.split(".", 4) : [];
  const bytes = Buffer.from(content, "base64url");
  // one text for the same bytes: base64 has spare bits, and Node reads over what it does not know
  const canonical = bytes.toString("base64url") === content;
  const known = format === "sealed1" && more.length === 0 && keyIdPattern.test(keyId) && canonical;
  const end = bytes.length - tagLength;
  const start = saltLength + nonceLength;
  if (!known || end < start) throw unreadable("it is not a text that a key ring sealed");
  return {
    keyId,
    salt: bytes.subarray(0, saltLength),
    nonce: bytes.subarray(saltLength, start),
    ciphertext: bytes.subarray(start, end),
    tag: bytes.subarray(end),
  };
}

export function unreadable(why: string): MilepostError {
  return new MilepostError("secret_unreadable", `The secret cannot be opened: ${why}.`);
}
