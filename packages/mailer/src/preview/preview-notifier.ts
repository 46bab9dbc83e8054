import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { accepted, type Outcome, refusedPermanent, refusedTransient, unavailable } from "@milepost/core";
import { createTransport } from "nodemailer";
import * as z from "zod";
import type { MailNotifier } from "../mail-notifier.js";
import { composeMail, type Mail } from "../mime/compose.js";
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
      const bytes = await bytesOf(mail);
      if (bytes === null) return refusedPermanent("not written: the message cannot be composed");
      const file = fileName(context.notification);
      const temporary = join(directory, `.${randomUUID()}.tmp`);
      try {
        await makeDirectory(directory);
        await writeFile(temporary, bytes, { signal: context.signal, flag: "wx" });
        await rename(temporary, join(directory, file));
        return accepted(file);
      } catch (error) {
        // the file is there once it is renamed, and nothing fails after that
        return notWritten(error, context.signal);
      } finally {
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
    async close() {
      writer.close();
    },
  };

  async function bytesOf(mail: Mail): Promise<Buffer | null> {
    try {
      return ((await writer.sendMail(mail)) as { readonly message: Buffer }).message;
    } catch {
      return null;
    }
  }
}

/** Also the directories above it. Node's own `recursive` never ends where the system has no room for one (`/proc/x`). */
async function makeDirectory(directory: string): Promise<void> {
  const made = () =>
    mkdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  try {
    await made();
  } catch (error) {
    const above = dirname(directory);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || above === directory) throw error;
    await makeDirectory(above);
    await made();
  }
}

/** A directory or a disk that does not take one message takes none, until a person has put it right. */
function notWritten(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted) return refusedTransient("not written: the call was given up");
  const { code } = error as NodeJS.ErrnoException;
  return unavailable(
    `not written: the directory cannot be written to (${typeof code === "string" ? code : "unknown"})`,
  );
}

/** An id of the engine's is a file's name already; any other text becomes one, so that no id leads out of the directory. */
function fileName(notification: string): string {
  const plain = /^[A-Za-z0-9_-]{1,100}$/.test(notification);
  return `${plain ? notification : createHash("sha256").update(notification).digest("hex")}.eml`;
}
