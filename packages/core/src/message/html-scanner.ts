/**
 * Where in html a piece of text stands: the tokenizer of the HTML Living Standard (section 13.2.5), reduced to
 * what tells one place from another:
 *
 * | place | |
 * | --- | --- |
 * | `text` | between tags, also in what Outlook alone reads (`<!--[if mso]>`) |
 * | `escapable` | in `<title>` and `<textarea>`, where there are character references and no tags |
 * | `raw` | in `<script>`, `<style>` and their like, where there is neither |
 * | `open` | behind a `<` of which the next letters decide what it is |
 * | `name`, `tag`, `attribute`, `named`, `equals` | inside a tag, outside of values |
 * | `edge` | the same, where a section began or ended: nothing may go on that began before it |
 * | `quoted`, `unquoted` | an attribute's value |
 * | `comment`, `bogus` | comments, and what is read as one: `<!doctype>`, `<?xml>` |
 */
export type HtmlPlace =
  | "text"
  | "escapable"
  | "raw"
  | "open"
  | "name"
  | "tag"
  | "attribute"
  | "named"
  | "equals"
  | "edge"
  | "quoted"
  | "unquoted"
  | "comment"
  | "bogus";

const rawElements: ReadonlySet<string> = new Set([
  "iframe",
  "noembed",
  "noframes",
  "plaintext",
  "script",
  "style",
  "xmp",
]);
const escapableElements: ReadonlySet<string> = new Set(["textarea", "title"]);

/** What may follow a `<`, and what it begins; nothing of these is text. */
const starts: readonly (readonly [RegExp, HtmlPlace])[] = [
  [/^(?=[a-z])/i, "name"],
  [/^\/(?=[a-z])/i, "name"],
  [/^\/>/, "text"],
  [/^!--\[if [^\]>]*\]>/i, "text"],
  [/^!---?>/, "text"],
  [/^!--/, "comment"],
  // cut off by a tag: what is merged would decide
  [/^(?:\/|!-?)$/, "open"],
  [/^[/!?]/, "bogus"],
];

/** Is told of elements and the quoted values of attributes, with the place in the text that was read. */
export interface HtmlListener {
  /** Behind the name of an element that begins. */
  named(at: number): void;
  /** Behind the opening quote. */
  opened(at: number): void;
  /** At the closing quote. */
  closed(at: number): void;
}

/** Reads html piece by piece and knows where it stands. */
export class HtmlScanner {
  place: HtmlPlace = "text";
  /** The tag that is open, or the element whose raw text is read; lower case. */
  element = "";
  attribute = "";
  #ends = false;
  #selfClosed = false;
  #quote = "";
  /** Inside svg or mathml, where title and textarea are elements like others. */
  readonly #foreign = { svg: 0, math: 0 };

  /** Places with one name and one state are one place. */
  get state(): string {
    const { place, element, attribute } = this;
    const inTag = ["name", "tag", "attribute", "named", "edge"].includes(place);
    const quoted = place === "quoted" ? `${attribute} ${this.#quote}` : "";
    const open = inTag || quoted !== "" || place === "raw" || place === "escapable" ? `${element} ${this.#ends}` : "";
    return `${inTag ? "tag" : place} ${open} ${quoted} ${this.#foreign.svg} ${this.#foreign.math}`;
  }

  /** A section begins or ends here; false where none may. */
  boundary(): boolean {
    if (["open", "equals", "unquoted", "bogus"].includes(this.place)) return false;
    if (["name", "attribute", "named"].includes(this.place)) this.place = "edge";
    return true;
  }

  read(html: string, listener: HtmlListener): boolean {
    let at = 0;
    while (at < html.length) {
      const char = html[at]!;
      switch (this.place) {
        case "text": {
          const next = html.indexOf("<", at);
          at = next === -1 ? html.length : next + 1;
          if (next !== -1) this.place = "open";
          break;
        }
        case "open":
          at += this.#open(html.slice(at, at + 200));
          break;
        case "name": {
          const name = until(html, at, nameEnd);
          this.element += html.slice(at, name).toLowerCase();
          at = name;
          if (at < html.length) {
            this.place = "tag";
            if (!this.#ends) listener.named(at);
          }
          break;
        }
        case "edge":
        case "tag":
          at++;
          this.#selfClosed = char === "/" || (this.#selfClosed && char === ">");
          if (char === ">") this.#endTag();
          else if (isSpace(char) || char === "/") this.place = "tag";
          else if (this.place === "edge") return false;
          else {
            this.place = "attribute";
            this.attribute = char.toLowerCase();
          }
          break;
        case "attribute": {
          const end = until(html, at, attributeEnd);
          this.attribute += html.slice(at, end).toLowerCase();
          at = end;
          if (at < html.length) this.place = "named";
          break;
        }
        case "named":
          if (isSpace(char)) at++;
          else if (char === "=") {
            at++;
            this.place = "equals";
          } else this.place = "tag";
          break;
        case "equals":
          if (char === ">") this.place = "tag";
          else {
            at++;
            if (char === '"' || char === "'") {
              this.place = "quoted";
              this.#quote = char;
              listener.opened(at);
            } else if (!isSpace(char)) this.place = "unquoted";
          }
          break;
        case "quoted": {
          const end = html.indexOf(this.#quote, at);
          if (end !== -1) {
            listener.closed(end);
            this.place = "tag";
          }
          at = end === -1 ? html.length : end + 1;
          break;
        }
        case "unquoted":
          at = until(html, at, unquotedEnd);
          if (at < html.length) this.place = "tag";
          break;
        case "comment":
          at = this.#after(/--!?>/g, html, at);
          break;
        case "bogus":
          at = this.#after(/>/g, html, at);
          break;
        case "raw":
        case "escapable":
          at = this.#rawText(html, at);
          break;
      }
    }
    return true;
  }

  /** What follows a `<`; answers how much of it was read. */
  #open(rest: string): number {
    for (const [start, place] of starts) {
      const read = start.exec(rest)?.[0].length;
      if (read === undefined) continue;
      this.place = place;
      this.element = "";
      this.#ends = rest.startsWith("/");
      return read;
    }
    this.place = "text";
    return 0;
  }

  get inForeign(): boolean {
    return this.#foreign.svg + this.#foreign.math > 0;
  }

  #endTag(): void {
    const { element } = this;
    const foreign = this.inForeign;
    if (element === "svg" || element === "math") {
      const depth = this.#foreign[element] + (this.#ends ? -1 : this.#selfClosed ? 0 : 1);
      this.#foreign[element] = Math.max(0, depth);
    }
    if (this.#ends) this.place = "text";
    else if (rawElements.has(element)) this.place = "raw";
    // one that is closed at once is one only in svg: what follows is read as neither
    else if (escapableElements.has(element)) this.place = foreign || this.#selfClosed ? "raw" : "escapable";
    else this.place = "text";
  }

  #after(end: RegExp, html: string, at: number): number {
    end.lastIndex = at;
    if (!end.test(html)) return html.length;
    this.place = "text";
    return end.lastIndex;
  }

  #rawText(html: string, at: number): number {
    // a comment in a script may hide its end, and in svg there are tags and comments in it: what may go on goes on
    const end = new RegExp(
      this.element === "script" ? "</script(?=[\\t\\n\\f\\r />])|<!--" : `</${this.element}(?=[\\t\\n\\f\\r />])`,
      "gi",
    );
    end.lastIndex = at;
    const found = this.element === "plaintext" || this.element === "" ? null : end.exec(html);
    if (found?.[0] === "<!--") this.element = "";
    if (this.inForeign && html.indexOf("<", at) < (found?.index ?? html.length)) this.element = "";
    if (found === null || this.element === "") return html.length;
    this.place = "name";
    this.#ends = true;
    return end.lastIndex;
  }
}

const nameEnd = /[\t\n\f\r />]/g;
const attributeEnd = /[\t\n\f\r />=]/g;
const unquotedEnd = /[\t\n\f\r >]/g;

function until(html: string, at: number, end: RegExp): number {
  end.lastIndex = at;
  return end.exec(html)?.index ?? html.length;
}

function isSpace(char: string): boolean {
  return "\t\n\f\r ".includes(char);
}
