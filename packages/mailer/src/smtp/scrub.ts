/** Anything that is, or was meant as, an address. */
const addressLike = /[^\s<>()[\],;:"']*@[^\s<>()[\],;:"']*/g;

/** A part of a header beyond ASCII as it is on the wire (RFC 2047 section 2), also one that was cut. */
const encodedWord = /=\?[^\s?]+\?[bq]\?[^\s?]*(?:\?=?)?/gi;

/** More is not looked at: a reply of SMTP has lines of 512 octets (RFC 5321 section 4.5.3.1.5). */
const maxSaid = 4_000;

/** Shorter secrets would take words apart. */
const minSecret = 3;

/**
 * What a server said, without what must not be stored or logged: servers like to repeat the recipient's address, some
 * also the subject or the user's name. Addresses and encoded words are taken out, and `secrets` of three characters and
 * more wherever they stand, in any case of letters and whatever space lines were broken at; at the end also the beginning
 * of one, as what is said may have been cut there. One line of at most 300 characters.
 */
export function scrubbed(text: string, secrets: readonly string[]): string {
  const said = oneLine(text.slice(0, maxSaid));
  // all are looked for in the same text, so that none hides behind what was taken out for another
  const hidden = new Uint8Array(said.length);
  for (const pattern of [addressLike, encodedWord]) {
    for (const { index, 0: found } of said.matchAll(pattern)) hidden.fill(1, index, index + found.length);
  }
  const folded = foldCase(said);
  for (const secret of secrets) {
    const wanted = foldCase(oneLine(secret.slice(0, maxSaid)));
    if (wanted.length < minSecret) continue;
    for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + 1)) {
      hidden.fill(1, at, at + wanted.length);
    }
    hidden.fill(1, folded.length - beginningAtEnd(folded, wanted));
  }
  return withEllipses(said, hidden).slice(0, 300).toWellFormed();
}

function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ")
    .trim();
}

/** Letters without their case, each as long as it was: what is found has the same place in the text as it was said. */
function foldCase(text: string): string {
  return Array.from(text, (char) => {
    // by way of capitals, so that ſ and ς are found as s and σ
    const capital = char.toUpperCase();
    const small = (capital.length === char.length ? capital : char).toLowerCase();
    return small.length === char.length ? small : char;
  }).join("");
}

/** How many characters at the end of a text are the beginning of a secret; 0 for fewer than three. */
function beginningAtEnd(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length); length >= minSecret; length--) {
    if (text.endsWith(secret.slice(0, length))) return length;
  }
  return 0;
}

function withEllipses(text: string, hidden: Uint8Array): string {
  let left = "";
  for (let at = 0; at < text.length; at++) {
    if (hidden[at] === 0) left += text[at];
    else if (at === 0 || hidden[at - 1] === 0) left += "…";
  }
  return left;
}
