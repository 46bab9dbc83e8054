/** More would not fit on one line of a header (998 octets, RFC 5322 section 2.1.1) where it has no space to fold at. */
const maxSubject = 800;
/** As core's own limit of a name. */
const maxName = 200;

export function subjectLine(text: string): string {
  return oneLine(text, maxSubject);
}

export function displayName(text: string): string {
  return oneLine(text, maxName);
}

/** Text as a header can hold it: no control character, no line break of any alphabet, no half of a character. */
function oneLine(text: string, max: number): string {
  return text
    .slice(0, max)
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim();
}
