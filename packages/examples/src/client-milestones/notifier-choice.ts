import { consoleNotifier, MilepostError, type Notifier } from "@milepost/core";
import { type SmtpServerOptions, smtpNotifier } from "@milepost/mailer";
import { UsageError } from "../command.js";
import type { Options } from "./options.js";

/**
 * Each has a name of its own, which is stored with every mail: what could not be sent by SMTP is never printed by a
 * later run without --smtp, but waits for one that has it. Throws `UsageError`.
 */
export function chosenNotifier({ smtp, from }: Options, say: (text: string) => void): Notifier {
  if (smtp !== undefined) return mailer(smtp, from);
  let headed = false;
  return consoleNotifier({
    name: "console",
    write(text) {
      if (!headed) say("Mails, printed by the console notifier:\n\n");
      headed = true;
      say(`${text}\n`);
    },
  });
}

/** At most once: a mail that may have been accepted is not sent again. */
function mailer(server: SmtpServerOptions, address: string): Notifier {
  try {
    return smtpNotifier({ ...server, name: "smtp", from: { name: "Your email platform", address } });
  } catch (error) {
    if (MilepostError.is(error) && error.path?.startsWith("from")) {
      throw new UsageError(`--from: ${error.expected} is expected.`);
    }
    throw error;
  }
}
