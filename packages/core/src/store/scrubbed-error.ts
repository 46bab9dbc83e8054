/**
 * A copy of an error that a driver threw, to be the `cause` of ours: its name, where it was thrown, the message as given
 * here, and of its own fields only those that are named, where they are texts or numbers. A driver's error has rows in
 * fields of its own (`detail` and `where` of Postgres), and sometimes in its message.
 */
export function scrubbedError(error: unknown, message: string, fields: readonly string[]): Error {
  const thrown = (typeof error === "object" && error !== null ? error : {}) as Readonly<Record<string, unknown>>;
  const copy = new Error(message);
  const name = typeof thrown.name === "string" && /^\w{1,60}$/.test(thrown.name) ? thrown.name : "Error";
  if (name !== "Error") Object.defineProperty(copy, "name", { value: name, configurable: true, writable: true });
  copy.stack = `${name}: ${message}${framesOf(thrown)}`;
  for (const field of fields) {
    const value = thrown[field];
    if (typeof value === "string" || typeof value === "number") Object.assign(copy, { [field]: value });
  }
  return copy;
}

/** The lines of a stack below its message, which may have several. */
function framesOf({ stack, message }: Readonly<Record<string, unknown>>): string {
  if (typeof stack !== "string" || typeof message !== "string") return "";
  const end = stack.indexOf(message);
  const frames = end === -1 ? "" : stack.slice(end + message.length);
  return /^(?:\n {4}at .*)+$/.test(frames) ? frames : "";
}
