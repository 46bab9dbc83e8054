import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RenderedMessage, SendContext } from "@milepost/core";
import { extract } from "letterparser";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { sampleContext, sampleMessage } from "../call-samples.js";
import { previewNotifier } from "../preview/preview-notifier.js";
import { fieldOf, rawHeader } from "../raw-message.js";
import { htmlDocument } from "./html-document.js";
import { legibleHtml } from "./legible-html.js";
import type { LetterheadOptions } from "./letterhead-options.js";
import { plainText } from "./plain-text.js";

// Read by letterparser, which shares nothing with nodemailer.

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "milepost-mime-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function bytesOf(
  message: Partial<RenderedMessage>,
  options: Partial<LetterheadOptions> = {},
  context: Partial<SendContext> = {},
): Promise<Buffer> {
  const notifier = previewNotifier({ directory, from: "us@example.com", ...options });
  const outcome = await notifier.send(sampleMessage(message), sampleContext(context));
  expect(outcome).toMatchObject({ kind: "accepted", receipt: "n-1.eml" });
  return readFile(join(directory, "n-1.eml"));
}

const read = (bytes: Buffer) => extract(bytes.toString("utf8"));

/** Reading each character once takes milliseconds, and again for each repeat many seconds: no machine is that busy. */
function expectReadOnce(reads: (html: string) => unknown, repeated: string) {
  const html = repeated.repeat(60_000);
  const started = performance.now();
  reads(html);
  expect(performance.now() - started).toBeLessThan(2_000);
}

describe("a message", () => {
  it("has sender, recipient, subject, both texts, Message-ID and date", async () => {
    const bytes = await bytesOf(
      {
        to: { address: "olga@büro.example", firstName: "Ölga", lastName: "Maier (Dr)" },
        subject: "Größe über 1.000 \u{1f389}",
        text: "Grüße\n.\n..punkt",
        html: "<p>Grüße</p>",
      },
      { from: { name: "Your platform", address: "us@example.com" }, replyTo: "help@example.com" },
    );
    const { subject, to, from, text, html, date } = read(bytes);
    expect(subject).toBe("Größe über 1.000 \u{1f389}");
    expect(to).toMatchObject([{ name: "Ölga Maier (Dr)", address: "olga@xn--bro-hoa.example" }]);
    expect(from).toMatchObject({ name: "Your platform", address: "us@example.com" });
    expect(text?.replaceAll("\r\n", "\n").trim()).toBe("Grüße\n.\n..punkt");
    expect(html?.trim()).toBe("<p>Grüße</p>");
    expect(Math.abs(Date.now() - date!.getTime())).toBeLessThan(60_000);
    expect(fieldOf(bytes, "Message-ID")).toBe("<n-1@milepost.example>");
    expect(fieldOf(bytes, "Reply-To")).toBe("help@example.com");
    expect(fieldOf(bytes, "Auto-Submitted")).toBe("auto-generated");
    expect(fieldOf(bytes, "Precedence")).toBeUndefined();
    expect(fieldOf(bytes, "List-Unsubscribe")).toBeUndefined();
  });

  it("is from whom it says itself, and answered there", async () => {
    const from = { address: "sale@acme.example", name: "Acme, the shop" };
    const sender = { from, replyTo: { address: "help@acme.example" } };
    const letterhead = { from: "us@example.com", replyTo: "us@example.com" };
    const bytes = await bytesOf({ text: "a", sender }, letterhead);
    expect(read(bytes).from).toMatchObject(from);
    expect(fieldOf(bytes, "Reply-To")).toBe("help@acme.example");
    const injected = { from: { address: "sale@acme.example\r\nBcc: eve@acme.example" } };
    await expect(bytesOf({ text: "a", sender: injected }, letterhead)).rejects.toThrow();
  });

  it("is the same at each attempt, but for the date", async () => {
    const message = { text: "a", html: "<p>a</p>" };
    const withoutDate = async (attempt: number) =>
      (await bytesOf(message, {}, { attempt })).toString().replace(/^Date: .*\r\n/m, "");
    expect(await withoutDate(2)).toBe(await withoutDate(1));
  });

  it("gets its text from its html", async () => {
    const html =
      '<html><head><title>no</title><style>p{}</style></head><body><h1>News</h1><p>Hello <b>Olga</b> &amp; all,<br>see <a href="https://acme.example/x?a=1&amp;b=2">here</a>.</p><ul><li>one</li><li>two</li></ul><img src="x.png" alt="no"></body></html>';
    const { text } = read(await bytesOf({ text: null, html }));
    expect(text?.replaceAll("\r\n", "\n").trim()).toBe(
      "News\n\nHello Olga & all,\nsee here [https://acme.example/x?a=1&b=2].\n\n * one\n * two",
    );
  });

  it.each([
    ["an image within it", `<p><img alt="no" src="data:image/png;base64,${"A".repeat(130_000)}"></p>`],
    ["a link to data", `<a href='data:text/html,${"A".repeat(130_000)}'></a>`],
    ["styles", `<html><head><style>p > a { color: "<b>" }${" p{}".repeat(40_000)}</style></head><body>`],
    ["a title, of a document without a body tag", "<html><head><title>no</title></head>"],
    ["a script", `<SCRIPT>if (1 < 2) "<p>no</p>";${" ".repeat(130_000)}</SCRIPT >`],
    ["a comment", `<!--[if mso]><p>no</p>${"x".repeat(130_000)}<![endif]-->`],
    ["styles of each element", `<td style="${"color:red;".repeat(100)}"></td>`.repeat(200)],
  ])("gets its text from what can be read of its html, also after %s", async (_, before) => {
    const { text } = read(await bytesOf({ text: null, html: `${before}<p>Your quota is used up</p>` }));
    expect(text?.trim()).toBe("Your quota is used up");
  });

  it("has no text part where nothing of its html can be read", async () => {
    for (const html of [
      `<img src="x.png"><!--${"x".repeat(130_000)}--><style>${"x".repeat(130_000)}`,
      `${"<div>".repeat(200)}too deep`,
      `${"<br>".repeat(40_000)}too far`,
    ]) {
      const bytes = await bytesOf({ text: null, html });
      expect(fieldOf(bytes, "Content-Type")).toMatch(/^text\/html/);
      expect(read(bytes).html).toContain(html.slice(0, 20));
    }
  });

  it("gets a text that isolates what its html isolates", () => {
    expect(plainText("<p>إلى <bdi>Acme (2)</bdi>: <bdi>7</bdi></p>")).toBe("إلى \u2068Acme (2)\u2069: \u20687\u2069");
  });

  it("gets a text of the first 128,000 characters of its html that show", () => {
    const text = plainText(`first${"<p>x</p>".repeat(30_000)}`)!;
    expect(text.match(/x/g)).toHaveLength(Math.floor((128_000 - "first".length) / "<p>x</p>".length));
    expect(text).toMatch(/^first[\s\S]*…$/);
  });

  it("gets a text of bounded length in bounded time, however deep and long its html is", async () => {
    for (const html of [
      `<div>first<div>${"<div>".repeat(40_000)}hi`,
      `first<blockquote>${"<blockquote>".repeat(90)}${"a<br>".repeat(40_000)}`,
    ]) {
      const started = performance.now();
      const text = plainText(html)!;
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(text).toMatch(/^first[\s\S]*…$/);
      expect(text.length).toBeLessThanOrEqual(256_001);
    }
    const { text } = read(await bytesOf({ text: null, html: `first${"<div>".repeat(20_000)}hi` }));
    expect(text).toMatch(/^first/);
  });

  it("that cannot be composed is refused, as nothing was handed over", async () => {
    const to = {
      address: "olga@acme.example",
      get name(): string {
        throw new RangeError("Maximum call stack size exceeded for Olga");
      },
    };
    const notifier = previewNotifier({ directory, from: "us@example.com" });
    expect(await notifier.send(sampleMessage({ to }), sampleContext())).toEqual({
      kind: "refusedPermanent",
      why: "not sent: the message cannot be composed",
    });
  });

  it("has no html part unless there is html", async () => {
    expect(fieldOf(await bytesOf({ html: null }), "Content-Type")).toMatch(/^text\/plain/);
  });
});

describe("language and direction", () => {
  const htmlIn = async (locale: string | undefined, html = "<p>x</p>") => {
    const bytes = await bytesOf({ to: { address: "o@acme.example", ...(locale !== undefined && { locale }) }, html });
    return { html: read(bytes).html!, header: fieldOf(bytes, "Content-Language") };
  };

  test.each([
    ["ar", "ar", "rtl"],
    ["ar_EG", "ar-EG", "rtl"],
    ["he-IL", "he-IL", "rtl"],
    ["fa", "fa", "rtl"],
    ["ur-PK", "ur-PK", "rtl"],
    ["pa-PK", "pa-PK", "rtl"],
    ["pa", "pa", "ltr"],
    ["de-DE-u-nu-latn", "de-DE", "ltr"],
    ["az-Arab", "az-Arab", "rtl"],
  ])("of a recipient with the locale %s are %s and %s", async (locale, tag, direction) => {
    const { html, header } = await htmlIn(locale);
    expect(header).toBe(tag);
    expect(html).toContain(`<html lang="${tag}" dir="${direction}">`);
    expect(html).toContain("<p>x</p>");
  });

  it("are not said for no locale, and for what is none", async () => {
    for (const locale of [undefined, "", "no locale", '"><script>']) {
      expect(await htmlIn(locale)).toEqual({ html: expect.stringMatching(/^<p>x<\/p>\s*$/), header: undefined });
    }
  });

  it("are added to a document, and what it says itself stays", async () => {
    const document = (attributes: string) => `<!-- a --><!DOCTYPE html>\n<HTML${attributes}><body>x</body></HTML>`;
    expect((await htmlIn("ar", document(' class="a>"'))).html).toContain('lang="ar" dir="rtl"');
    expect((await htmlIn("ar", document(""))).html).toContain('<HTML lang="ar" dir="rtl"><body>');
    expect((await htmlIn("ar", document(' lang="en"'))).html).toContain('<HTML lang="en" dir="rtl"><body>');
    expect((await htmlIn("ar", document(" dir=ltr LANG='en'"))).html).toContain("<HTML dir=ltr LANG='en'><body>");
  });
});

describe("what comes before an html tag", () => {
  const german = { tag: "de", direction: "ltr" } as const;

  test.each([
    ["an empty comment", "<!-->"],
    ["comments and a doctype", "<!-- a -->\n<!doctype html><!-- <html> -->\n"],
    ["a long comment", `<!--${"x".repeat(20_000)}-->`],
  ])("may be %s", (_, before) => {
    expect(htmlDocument(`${before}<html><body>x</body></html>`, german)).toBe(
      `${before}<html lang="de" dir="ltr"><body>x</body></html>`,
    );
  });

  test.each(["<!-- <html>", "<!doctype html", "<!-- a --><htmlx>", "<p><html>", "<!-- a --><html"])(
    "does not make a document of %j",
    (html) => {
      expect(htmlDocument(html, german)).toContain(`<body>\n${html}\n</body>`);
    },
  );

  test.each([
    ["comments", "<!-- a -->\n"],
    ["comments without an end", "<!-- a "],
    ["spaces", " \n"],
    ["doctypes", "<!doctype a>"],
    ["html tags without an end", "<html "],
  ])("is read once, however many %s there are", (_, before) => {
    expectReadOnce((html) => htmlDocument(`${html}<table><tr><td>x</td></tr></table>`, german), before);
  });
});

describe("html that is to be read as text", () => {
  test.each([
    ['<p class="a>b" id=c>x</p>', "<p>x</p>"],
    ["<a class='x' HREF = \"https://a.example/?b>c\" title=it's>x</a>", '<a HREF = "https://a.example/?b>c">x</a>'],
    ["<ol reversed start=4 type='a'><li/>x</ol>", "<ol start=4 type='a'><li/>x</ol>"],
    ["<a\n/href=x/>y", "<a\n/href=x/>y"],
    ["<a href=' data:,x'>y</a><a href=DATA:,x>z</a>", "<a>y</a><a>z</a>"],
    ["1 < 2 <3 </ <!doctype html>x", "1 < 2 <3 </ <!doctype html>x"],
    ["a<!-->b<!-- <p> -- > -->c<!-- --!>d<!-- e", "abcd"],
    ["a<style>b</styles></STYLE\n>c<styles>d", "a</STYLE\n>c<styles>d"],
    ["a<script>b", "a"],
    ['a<p title="b><p>c', "a<p"],
    ["a<", "a<"],
  ])("has of %j what shows", (html, legible) => {
    expect(legibleHtml(html)).toBe(legible);
  });

  test.each([
    ["comments", "<!-- a -->"],
    ["comments without an end", "<!-- a "],
    ["styles without an end", "<style> "],
    ["ends of styles without an end", "<style></style"],
    ["tags without an end", "<a "],
    ["quotes without an end", '<a b="'],
    ["names", "<a=b"],
    ["spaces in a tag", "<a    /  "],
    ["spaces", "   "],
    ["signs", "<"],
  ])("is read once, however many %s there are", (_, html) => {
    expectReadOnce(legibleHtml, html);
    expectReadOnce((text) => legibleHtml(`<a ${text}`), html);
  });
});

describe("bulk mail", () => {
  const long = `https://acme.example/unsubscribe?token=${"x".repeat(700)}`;
  it("says where its recipient unsubscribes, with one POST (RFC 8058)", async () => {
    const bytes = await bytesOf(
      {},
      {
        unsubscribe: (_, { notification }) => ({ url: `${long}&n=${notification}`, mailto: "leave+a&b@acme.example" }),
      },
    );
    expect(fieldOf(bytes, "List-Unsubscribe")).toBe(`<${long}&n=n-1>, <mailto:leave%2Ba%26b@acme.example>`);
    expect(fieldOf(bytes, "List-Unsubscribe-Post")).toBe("List-Unsubscribe=One-Click");
  });

  test.each([
    ["http", { url: "http://acme.example/u" }],
    ["javascript", { url: "javascript:alert(1)" }],
    ["a password in it", { url: "https://a:b@acme.example/u" }],
    ["no URL", { url: "unsubscribe" }],
    ["a list", { url: ["https://a.example", "https://b.example"] }],
    ["nothing", undefined],
    ["one that is too long", { url: `https://acme.example/${"x".repeat(800)}` }],
    ["two mailboxes", { url: "https://acme.example/u", mailto: "a@x.example,b@x.example" }],
  ])("is not sent with %s for a link", async (_, links) => {
    const notifier = previewNotifier({ directory, from: "us@example.com", unsubscribe: () => links as never });
    expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "refusedPermanent" });
  });

  it("waits for its link, and is tried again where the host cannot make it now", async () => {
    const unsubscribe = async () => {
      throw new Error("canary@acme.example");
    };
    const notifier = previewNotifier({ directory, from: "us@example.com", unsubscribe });
    expect(await notifier.send(sampleMessage(), sampleContext())).toEqual({
      kind: "refusedTransient",
      why: "not sent: unsubscribe() failed",
      retryAfter: null,
    });
  });
});

// S3
describe("data objects where texts belong", () => {
  test.each(["subject", "text", "html"] as const)("as %s read no file and ask nobody", async (part) => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests += 1;
      response.end("secret");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.on("listening", resolve));
    const href = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const path = "/etc/passwd";
    const objects = [
      { path },
      { href },
      { path: href },
      { raw: { path } },
      { raw: "Bcc: evil@evil.example\r\n\r\nx" },
      { content: { path } },
      { prepared: true, value: "x\r\nBcc: evil@evil.example" },
      [{ path }],
      Buffer.from("x"),
    ];
    const notifier = previewNotifier({ directory, from: "us@example.com" });
    for (const object of objects) {
      const message = sampleMessage({ [part]: object as never });
      expect(await notifier.send(message, sampleContext())).toEqual({
        kind: "refusedPermanent",
        why: `not sent: its ${part} is no text`,
      });
    }
    await new Promise((resolve) => server.close(resolve));
    expect(requests).toBe(0);
  });

  it("and texts that look like such objects are only texts", async () => {
    const bytes = await bytesOf({ text: '{"path":"/etc/passwd"}', html: '<img src="file:///etc/passwd">' });
    expect(bytes.toString()).not.toContain("root:");
    expect(rawHeader(bytes).length).toBeGreaterThan(5);
  });
});
