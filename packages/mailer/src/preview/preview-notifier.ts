import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { accepted } from "@milepost/core";
import { createTransport } from "nodemailer";
import * as z from "zod";
import type { MailNotifier } from "../mail-notifier.js";
import { composeMail } from "../mime/compose.js";
import { type LetterheadOptions, letterheadFields, letterheadOf } from "../mime/letterhead-options.js";
import { type Agrees, parseOptions } from "../parse-options.js";

export interface PreviewNotifierOptions extends LetterheadOptions {
  /** Where the messages are written, one file each; it is made if it is not there. */
  readonly directory: string;
  /** `"preview"` unless said. */
  readonly name?: string;
}

const schema = z.strictObject({
  ...letterheadFields,
  directory: z.string().min(1),
  name: z.string().min(1).max(200).optional(),
});

true satisfies Agrees<typeof schema, PreviewNotifierOptions>;

/**
 * Writes each message to `<notification id>.eml`, exactly as `smtpNotifier()` would send it, instead of sending it. Mail
 * programs open such files. A file is there as a whole or not at all, and a repeat replaces it, so the mode is
 * at-least-once. The receipt is the file's name.
 */
export function previewNotifier(options: PreviewNotifierOptions): MailNotifier {
  const parsed = parseOptions<PreviewNotifierOptions>(schema, options);
  const { directory, name = "preview" } = parsed;
  const letterhead = letterheadOf(parsed);
  const writer = createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  return {
    name,
    channel: "email",
    mode: "at-least-once",
    async send(message, context) {
      const mail = await composeMail(message, context, letterhead);
      if ("kind" in mail) return mail;
      const { message: bytes } = (await writer.sendMail(mail)) as { readonly message: Buffer };
      const file = fileName(context.notification);
      await mkdir(directory, { recursive: true });
      const temporary = join(directory, `.${randomUUID()}.tmp`);
      try {
        await writeFile(temporary, bytes, { signal: context.signal, flag: "wx" });
        await rename(temporary, join(directory, file));
      } finally {
        await rm(temporary, { force: true });
      }
      return accepted(file);
    },
    async close() {
      writer.close();
    },
  };
}

/** An id of the engine's is a file's name already; any other text becomes one, so that no id leads out of the directory. */
function fileName(notification: string): string {
  const plain = /^[A-Za-z0-9_-]{1,100}$/.test(notification);
  return `${plain ? notification : createHash("sha256").update(notification).digest("hex")}.eml`;
}
