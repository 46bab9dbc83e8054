/** What is left of an address, of a name or other text that was said to be private, and of a credential. */
const marks = { address: "[address]", private: "[private]", secret: "[secret]" } as const;

/** Characters that are looked at; what others say is stored up to 500 of them. */
const longest = 4_096;

const secretWord =
  "pass(?:word|phrase|wd)?|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|client[-_ ]?secret|credentials?|" +
  "authorization|signature|cookie|session(?:[-_ ]?id)?|jwt|otp";

/** In this order: what is behind a word such as `password` may itself look like an address. */
const patterns: readonly (readonly [RegExp, string])[] = [
  // user and password of a url; the password may hold an @ and a slash
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"'<>]{1,300}@(?=[^\s@])/gi, `$1${marks.secret}@`],
  [/-----BEGIN [A-Z ]{1,40}-----[^-]*(?:-----END [A-Z ]{1,40}-----)?/g, marks.secret],
  [/\b(AUTH(?:[ :]+(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5))?[ :=]+)[A-Za-z0-9+/_-]{8,}={0,2}/g, `$1${marks.secret}`],
  [/\b(Bearer|Basic)[ :=]+[A-Za-z0-9._~+/-]+=*/gi, `$1 ${marks.secret}`],
  // password=…, "token": "…", secret '…'
  [
    new RegExp(`((?:${secretWord})["'\\]]?\\s{0,3}(?:[:=]|=>)\\s{0,3})("[^"]*"?|'[^']*'?|[^\\s,;&"')}\\]]+)`, "gi"),
    `$1${marks.secret}`,
  ],
  [
    new RegExp(`\\b((?:${secretWord})\\s{1,3})("[^"]*"?|'[^']*'?|\`[^\`]*\`?|(?=[^\\s]*[0-9_])[^\\s,;:]{6,})`, "gi"),
    `$1${marks.secret}`,
  ],
  // the shapes of keys: JSON web tokens, Stripe, GitHub, Slack, AWS, SendGrid, Mailgun, npm, Google
  [/\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]+){1,2}/g, marks.secret],
  [/\b(?:sk|pk|rk|whsec|re|tok)_[A-Za-z0-9_]{8,}/g, marks.secret],
  [/\b(?:gh[pousr]|github_pat|xox[abprs]|glpat|npm)[-_][A-Za-z0-9_-]{10,}/g, marks.secret],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, marks.secret],
  [/\bSG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g, marks.secret],
  [/\bkey-[0-9a-f]{16,}\b/g, marks.secret],
  [/\bAIza[A-Za-z0-9_-]{20,}/g, marks.secret],
  // an address, also as a url has it, and as RFC 6531 allows it; without what ends a part of a url
  [
    /(?:[\p{L}\p{N}.!#$%'*+=^_`{|}~-]{1,64}|"[^"\n]{1,64}")(?:@|%40)[\p{L}\p{N}](?:[\p{L}\p{N}.-]{0,252}[\p{L}\p{N}])?/giu,
    marks.address,
  ],
];

/**
 * What somebody else said, as it may be stored, told and logged: without addresses, credentials, and what is given as
 * `known`, such as a recipient's name. Pure, and linear in the text, of which the first 4,096 characters are read.
 *
 * ```ts
 * redact("550 <olga@acme.example>: Olga is unknown", ["Olga"]); // 550 <[address]>: [private] is unknown
 * redact("connect smtp://bob:hunter2@mail.example failed"); // connect smtp://[secret]@mail.example failed
 * ```
 *
 * It finds what looks like an address or a credential; a bare word that is a password it can only find in `known`.
 */
export function redact(text: string, known: Known = []): string {
  let clean = redactKnown(text, known);
  for (const [pattern, mark] of patterns) clean = clean.replace(pattern, mark);
  return clean;
}

/** What is private and cannot be told by its looks; texts of less than two characters mean nobody. */
export type Known = readonly (string | null | undefined)[];

/** {@link redact} of what is known alone, for texts that may look like an address and be none. */
export function redactKnown(text: string, known: Known): string {
  const words = known.flatMap((each) => (typeof each === "string" ? spellings(each) : []));
  // the longest first, so that of a name and its first part the whole is found
  const ordered = [...new Set(words)].sort((a, b) => b.length - a.length);
  return ordered.reduce(
    (clean, word) =>
      clean.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped(word)}(?![\\p{L}\\p{N}])`, "giu"), marks.private),
    beginning(text),
  );
}

/** Cut between two words: a part of an address would not be known for one. */
function beginning(text: string): string {
  if (text.length <= longest) return text;
  return text.slice(0, longest).replace(/\S*$/, "");
}

/** As it is, as a url has it, and as JSON has it. */
function spellings(text: string): readonly string[] {
  const plain = text.trim();
  if (plain.length < 2) return [];
  const url = plain.isWellFormed() ? [encodeURIComponent(plain), encodeURI(plain)] : [];
  return [plain, plain.normalize("NFC"), plain.normalize("NFD"), JSON.stringify(plain).slice(1, -1), ...url];
}

function escaped(text: string): string {
  // a hyphen is no syntax outside of a class, and may not be escaped there
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
