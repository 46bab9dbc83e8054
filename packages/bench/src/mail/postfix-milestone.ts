import { type Milestone, milestone, thresholds } from "@milepost/core";
import { smtpNotifier } from "@milepost/mailer";
import { postfixDomain } from "./postfix.js";

export const postfixMetric = "mail.wanted";

/** Some recipients read from right to left, some name no language. */
export const localeOf = (subject: string): string | undefined =>
  ([undefined, "ar", "de-AT"] as const)[Number(subject.slice(1)) % 3];

export const postfixSubject = (subject: string): string =>
  `Größe ${subject} \u{1f389} ist erreicht, und noch einiges mehr`;
export const postfixLink = (notification: string): string => `https://${postfixDomain}/unsubscribe/${notification}`;

/** One bulk mail to each subject, with all that the mailer can put into one. The same in each process. */
export function postfixMilestone(port: number): Milestone {
  return milestone({
    name: "mail-wanted",
    metric: postfixMetric,
    policy: thresholds(1),
    recipients: {
      resolve: async ({ subject }) => [
        { address: `${subject}@${postfixDomain}`, name: `Ölga, ${subject}`, locale: localeOf(subject) ?? null },
      ],
    },
    message: { subject: postfixSubject("{{subject.id}}"), html: "<p>Grüße an <b>{{subject.id}}</b>.</p>\n.\n" },
    notifier: smtpNotifier({
      ...{ name: "postfix", host: "127.0.0.1", port, sendTimeout: 4_000 },
      from: { name: "Milepost", address: `milepost@${postfixDomain}` },
      unsubscribe: (_, { notification }) => ({ url: postfixLink(notification) }),
    }),
  });
}
