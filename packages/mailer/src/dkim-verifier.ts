import { createHash, createVerify } from "node:crypto";

/**
 * For tests: checks a DKIM signature after RFC 6376, relaxed/relaxed with rsa-sha256, over node:crypto alone. There is no
 * verifier on npm that is both maintained and independent: mailauth is by nodemailer's author.
 *
 * Answers with the names of the headers that the signature covers, in lower case; throws where it does not fit.
 */
export function verifiedHeaders(message: Buffer, publicKey: string): readonly string[] {
  const text = message.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  const fields = text.slice(0, end).split(/\r\n(?![ \t])/);
  const signature = fields.find((field) => /^dkim-signature:/i.test(field));
  if (signature === undefined) throw new Error("no signature");
  const tags = new Map(
    signature
      .slice(signature.indexOf(":") + 1)
      .split(";")
      .map((tag) => tag.replace(/\s+/g, ""))
      .filter((tag) => tag !== "")
      .map((tag) => [tag.slice(0, tag.indexOf("=")), tag.slice(tag.indexOf("=") + 1)]),
  );
  if (tags.get("a") !== "rsa-sha256" || tags.get("c") !== "relaxed/relaxed") throw new Error("another algorithm");
  const body = relaxedBody(text.slice(end + 4));
  if (createHash("sha256").update(body, "latin1").digest("base64") !== tags.get("bh")) throw new Error("another body");
  const names = tags.get("h")!.toLowerCase().split(":");
  // section 5.4.2: of several fields of a name, the last one that is not covered yet
  const left = [...fields];
  const covered = names.map((name) => {
    const at = left.findLastIndex((field) => field.slice(0, field.indexOf(":")).trim().toLowerCase() === name);
    return at < 0 ? "" : `${relaxedField(left.splice(at, 1)[0]!)}\r\n`;
  });
  const unsigned = relaxedField(signature.replace(/([;:\s]b=)[^;]*/, "$1"));
  const verify = createVerify("RSA-SHA256").update(covered.join("") + unsigned, "latin1");
  if (!verify.verify(publicKey, tags.get("b")!, "base64")) throw new Error("the signature does not fit");
  return names;
}

/** Section 3.4.2. */
function relaxedField(field: string): string {
  const colon = field.indexOf(":");
  const value = field
    .slice(colon + 1)
    .replaceAll("\r\n", "")
    .replace(/[ \t]+/g, " ")
    .trim();
  return `${field.slice(0, colon).trim().toLowerCase()}:${value}`;
}

/** Section 3.4.4. */
function relaxedBody(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.length === 0 ? "" : `${lines.join("\r\n")}\r\n`;
}
