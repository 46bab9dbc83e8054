/** Attributes that show in a text: a link's address, a list's numbers. */
const shown = /^(?:href|start|type)$/i;

const tagName = /<\/?[a-z][^\s/>]*/iy;
/** An attribute with what stands before it: its name, and its value in any quotes (HTML Standard, 13.2.5.32 to 39). */
const attribute = /[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"?|'([^']*)'?|([^\s>]*)))?/y;
/** Where a comment ends; `<!-->` is one too. */
const endOfComment = /--!?>/g;
/** Elements with text that nobody reads, and where they end. */
const unread: Readonly<Record<string, RegExp>> = {
  "<style": /<\/style(?=[\s/>])/gi,
  "<script": /<\/script(?=[\s/>])/gi,
};

/**
 * Html without what does not show in a text, which is often most of it: comments, styles, scripts, attributes, and
 * `data:` in those that stay. Reads each character once, so takes time linear in the html; what has no end ends with it.
 */
export function legibleHtml(html: string): string {
  let kept = "";
  for (let at = 0; at < html.length; ) {
    const start = indexOr(html.length, html.indexOf("<", at));
    kept += html.slice(at, start);
    if (html.startsWith("<!--", start)) {
      const end = matchAt(endOfComment, html, start + 2);
      at = end === null ? html.length : end.index + end[0].length;
      continue;
    }
    const name = matchAt(tagName, html, start)?.[0];
    if (name === undefined) {
      // a doctype, or a sign for "less than"
      kept += html.slice(start, start + 1);
      at = start + 1;
      continue;
    }
    const tag = legibleTag(html, start, name);
    const end = unread[name.toLowerCase()];
    if (end === undefined) kept += tag.kept;
    at = end === undefined ? tag.end : (matchAt(end, html, tag.end)?.index ?? html.length);
  }
  return kept;
}

function legibleTag(html: string, start: number, name: string): { readonly kept: string; readonly end: number } {
  let kept = name;
  let at = start + name.length;
  for (let found = matchAt(attribute, html, at); found !== null; found = matchAt(attribute, html, at)) {
    const [whole, key, ...values] = found;
    if (shown.test(key!) && !/^\s*data:/i.test(values.find((value) => value !== undefined) ?? "")) kept += whole;
    at += whole.length;
  }
  // no attribute is left, so only spaces and slashes stand before the tag's own end
  const end = indexOr(html.length, html.indexOf(">", at)) + 1;
  return { kept: kept + html.slice(at, end), end };
}

function indexOr(otherwise: number, index: number): number {
  return index < 0 ? otherwise : index;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
