/** What an html attribute's value is read as, once it is more than text. */
export type AttributeUse = "text" | "url" | "code";

/** Attributes that a browser or mail program follows, or loads from (HTML Living Standard, "Attributes"; SVG 2). */
const urls: ReadonlySet<string> = new Set([
  "action",
  "background",
  "base",
  "cite",
  "classid",
  "codebase",
  "data",
  "dynsrc",
  "formaction",
  "href",
  "icon",
  "longdesc",
  "lowsrc",
  "manifest",
  "poster",
  "profile",
  "src",
  "usemap",
]);

/** Attributes that hold CSS, html, or several urls; beside them everything that begins with `on` holds a script. */
const codes: ReadonlySet<string> = new Set(["archive", "imagesrcset", "ping", "srcdoc", "srcset", "style"]);

/** Elements of which every attribute decides what is run or loaded, or where all links of the page lead. */
const codeElements: ReadonlySet<string> = new Set([
  "animate",
  "applet",
  "base",
  "embed",
  "link",
  "meta",
  "object",
  "script",
  "set",
  "style",
]);

/** What the value of `attribute` of an `element` is read as; both in lower case. */
export function attributeUse(element: string, attribute: string): AttributeUse {
  // xlink:href, and whatever other prefix
  const name = attribute.slice(attribute.lastIndexOf(":") + 1);
  if (codeElements.has(element) || codes.has(name) || name.startsWith("on")) return "code";
  return urls.has(name) ? "url" : "text";
}

/** Attributes that people read, or have read out to them. */
const spoken: ReadonlySet<string> = new Set([
  ...["alt", "title", "label", "placeholder", "summary"],
  ...["aria-description", "aria-label", "aria-placeholder", "aria-roledescription", "aria-valuetext"],
]);

/** Whether an attribute is text for people; in lower case. */
export function isSpoken(attribute: string): boolean {
  return spoken.has(attribute);
}
