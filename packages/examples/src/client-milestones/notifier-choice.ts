import { consoleNotifier, type Notifier } from "@milepost/core";
import type { Options } from "./options.js";
import { smtpNotifier } from "./smtp-notifier.js";

/**
 * Each has a name of its own, which is stored with every mail: what could not be sent by SMTP is never printed by a
 * later run without --smtp, but waits for one that has it.
 */
export function chosenNotifier({ smtp, from }: Options, say: (text: string) => void): Notifier {
  if (smtp !== undefined) return smtpNotifier({ name: "smtp", url: smtp, from });
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
