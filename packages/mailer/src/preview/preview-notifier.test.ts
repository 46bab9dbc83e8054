import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { sampleContext, sampleMessage } from "../call-samples.js";
import { smtpNotifier } from "../smtp/smtp-notifier.js";
import { smtpTestServer } from "../testing/index.js";
import { previewNotifier } from "./preview-notifier.js";

vi.mock("nodemailer", { spy: true });

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "milepost-preview-"));
});
afterEach(() => rm(root, { recursive: true }));

const notifier = (directory: string) => previewNotifier({ directory, from: "us@example.com" });

describe("a preview", () => {
  it("is what would be sent, byte for byte but for the date", async () => {
    const server = await smtpTestServer();
    const smtp = smtpNotifier({ host: server.host, port: server.port, from: "us@example.com" });
    const message = sampleMessage({ html: "<p>Grüße</p>", to: { address: "olga@acme.example", locale: "ar" } });
    await smtp.send(message, sampleContext());
    await smtp.close();
    await server.close();
    const directory = join(root, "made", "for", "it");
    expect(await notifier(directory).send(message, sampleContext())).toEqual({ kind: "accepted", receipt: "n-1.eml" });
    const withoutDate = (bytes: Buffer) => bytes.toString("latin1").replace(/^Date: .*\r\n/m, "");
    expect(withoutDate(await readFile(join(directory, "n-1.eml")))).toBe(withoutDate(server.messages[0]!.bytes));
  });

  it("is replaced by its repeat, and leaves nothing else behind", async () => {
    const preview = notifier(root);
    await Promise.all([1, 2, 3].map((attempt) => preview.send(sampleMessage(), sampleContext({ attempt }))));
    expect(await readdir(root)).toEqual(["n-1.eml"]);
  });

  test.each(["../../evil", "/etc/cron.d/evil", "..", "a/b", "a\\b", "a\0b", "", "x".repeat(1_000), "con.", ".hidden"])(
    "of the notification %j stays in its directory",
    async (notification) => {
      const directory = join(root, "in");
      await notifier(directory).send(sampleMessage(), sampleContext({ notification }));
      expect(await readdir(root)).toEqual(["in"]);
      expect(await readdir(directory)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.eml$/)]);
    },
  );

  it("is not written where the message would not be sent", async () => {
    const outcome = await notifier(root).send(sampleMessage({ to: { address: "nobody" } }), sampleContext());
    expect(outcome).toMatchObject({ kind: "refusedPermanent" });
    expect(await readdir(root)).toEqual([]);
  });

  it("leaves no part of a file behind when it is given up", async () => {
    const signal = AbortSignal.abort();
    expect(await notifier(root).send(sampleMessage(), sampleContext({ signal }))).toEqual({
      kind: "refusedTransient",
      why: "not written: the call was given up",
      retryAfter: null,
    });
    expect(await readdir(root)).toEqual([]);
  });

  it("is refused for good where nodemailer cannot write its bytes", async () => {
    const broken = createTransport({ streamTransport: true });
    vi.spyOn(broken, "sendMail").mockRejectedValue(new RangeError("Invalid string length of Olga's message"));
    vi.mocked(createTransport).mockReturnValueOnce(broken);
    expect(await notifier(root).send(sampleMessage(), sampleContext())).toEqual({
      kind: "refusedPermanent",
      why: "not written: the message cannot be composed",
    });
    expect(await readdir(root)).toEqual([]);
  });

  it("waits where its directory cannot be made or written to, as nothing was handed over", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    // of a system that has no room for one: Node's own way to make it would never end
    const nowhere = process.platform === "linux" ? ["/proc/milepost/previews"] : [];
    for (const directory of [file, join(file, "in", "it"), join(root, "\0"), ...nowhere]) {
      const outcome = await notifier(directory).send(sampleMessage(), sampleContext());
      expect(outcome).toMatchObject({
        unavailable: true,
        why: expect.stringMatching(/^not written: the directory cannot be written to \([A-Z_]+\)$/),
      });
    }
    expect(await readdir(root)).toEqual(["file"]);
  });

  it("waits where its file cannot be put in its place, and leaves no part of it behind", async () => {
    await mkdir(join(root, "n-1.eml"));
    expect(await notifier(root).send(sampleMessage(), sampleContext())).toMatchObject({ unavailable: true });
    expect(await readdir(root)).toEqual(["n-1.eml"]);
  });
});
