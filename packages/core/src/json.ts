import { type ErrorCode, MilepostError } from "./errors.js";
import { reading, shownKey, timeOf } from "./validation.js";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface JsonLimits {
  /** Bytes of the encoded value; 64 kB unless said. */
  readonly maxBytes?: number;
  /** Nesting; 32 unless said. */
  readonly maxDepth?: number;
}

/**
 * Copies host-supplied data into plain JSON, or throws `code` with the path of what it cannot keep: functions,
 * symbols, cycles, holes, non-finite numbers, lone surrogates, a `__proto__` key, getters that throw, too deep, too
 * large. `undefined` members are left out and a `Date` becomes its ISO text, as `JSON.stringify` does.
 *
 * Copying, not only checking, makes the stored snapshot independent of the host's later changes.
 */
export function plainJson(value: unknown, path: string, code: ErrorCode, limits: JsonLimits = {}): Json {
  const maxDepth = limits.maxDepth ?? 32;
  let budget = limits.maxBytes ?? 65_536;

  function refuse(at: string, expected: string): never {
    throw new MilepostError(code, `${at}: ${expected}`, { path: at, expected });
  }
  function spend(bytes: number, at: string): void {
    budget -= bytes;
    if (budget < 0) refuse(at, `at most ${limits.maxBytes ?? 65_536} bytes of data`);
  }
  function copyText(text: string, at: string): string {
    if (text.length > budget) spend(text.length, at);
    spend(Buffer.byteLength(text) + 2, at);
    if (!text.isWellFormed() || text.includes("\0")) refuse(at, "text without NUL and lone surrogates");
    return text;
  }
  function copy(input: unknown, at: string, depth: number): Json {
    if (depth > maxDepth) refuse(at, `at most ${maxDepth} levels of nesting`);
    if (input === null || typeof input === "boolean") {
      spend(5, at);
      return input;
    }
    if (typeof input === "string") return copyText(input, at);
    if (typeof input === "number") {
      spend(8, at);
      // adding 0 turns -0 into the 0 that JSON has
      return Number.isFinite(input) ? input + 0 : refuse(at, "a finite number");
    }
    if (typeof input !== "object") return refuse(at, "JSON data");
    return reading(code, at, () => copyObject(input, at, depth));
  }
  function copyObject(input: object, at: string, depth: number): Json {
    if (input instanceof Date) {
      const time = timeOf(input);
      return Number.isNaN(time) ? refuse(at, "a valid date") : copyText(new Date(time).toISOString(), at);
    }
    spend(2, at);
    if (Array.isArray(input)) return copyArray(input, at, depth);
    const prototype = Object.getPrototypeOf(input);
    if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
      refuse(at, "plain data: no class instances");
    }
    const out: Record<string, Json> = {};
    for (const key of Object.keys(input)) {
      const inner = `${at}.${shownKey(key)}`;
      if (key === "__proto__") refuse(inner, "any key but __proto__");
      const member = reading(code, inner, () => (input as Record<string, unknown>)[key]);
      if (member === undefined) continue;
      copyText(key, inner);
      out[key] = copy(member, inner, depth + 1);
    }
    return out;
  }
  function copyArray(input: readonly unknown[], at: string, depth: number): Json {
    const out: Json[] = [];
    // by index, which meets a hole as undefined: map() would go over 2^32 - 1 of them and keep them
    for (let i = 0; i < input.length; i++) out.push(copy(input[i], `${at}[${i}]`, depth + 1));
    return out;
  }
  return copy(value, path, 0);
}

/** {@link plainJson} for a value that must be an object. */
export function plainObject(value: unknown, path: string, code: ErrorCode, limits?: JsonLimits): JsonObject {
  if (typeof value !== "object" || value === null || reading(code, path, () => Array.isArray(value))) {
    throw new MilepostError(code, `${path}: an object is expected`, { path, expected: "an object" });
  }
  return plainJson(value, path, code, limits) as JsonObject;
}
