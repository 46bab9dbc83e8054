/** Anything that is, or was meant as, an address. */
const addressLike = /[^\s<>()[\],;:"']*@[^\s<>()[\],;:"']*/g;

/**
 * What a server said, without what must not be stored or logged: servers like to repeat the recipient's address, some
 * also the subject or the user's name. `secrets` are taken out wherever they stand, in any case of letters; those of
 * fewer than three characters are not, as they would take words apart. One line of at most 300 characters.
 */
export function scrubbed(text: string, secrets: readonly string[]): string {
  const long = secrets.filter((secret) => secret.length >= 3).sort((a, b) => b.length - a.length);
  const withoutSecrets = long.reduce((left, secret) => replaceAll(left, secret, "…"), text.slice(0, 4_000));
  return withoutSecrets
    .replace(addressLike, "…")
    .replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ")
    .trim()
    .slice(0, 300)
    .toWellFormed();
}

function replaceAll(text: string, secret: string, by: string): string {
  return text.replace(
    new RegExp(
      secret.replace(/[^\p{L}\p{N}]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`),
      "giu",
    ),
    by,
  );
}
