import {
  createMilepost,
  type Milepost,
  membersWithRole,
  milestone,
  type Notifier,
  type Store,
  thresholds,
} from "@milepost/core";
import { toldRoles } from "./clients.js";

export const deliveredEmails = "email.delivered";

/** The whole of the engine's side: what is counted, when that is news, for whom, and in which words. */
export function createEmailMilestones(store: Store, notifier: Notifier): Milepost {
  return createMilepost({
    store,
    messageIdDomain: "mail.example.com",
    milestones: [
      milestone({
        name: "emails-delivered",
        metric: deliveredEmails,
        policy: thresholds(1, 1_000, 10_000, 100_000, 1_000_000),
        recipients: membersWithRole(...toldRoles),
        notifier,
        message: {
          subject:
            "{{subject.name}}: {{#first}}your first email was delivered{{/first}}{{^first}}{{count}} emails delivered{{/first}}",
          text: [
            "Hi{{#recipient.firstName}} {{recipient.firstName}}{{/recipient.firstName}},",
            "",
            "{{#first}}the very first email of {{subject.name}} has just arrived. Here's to many more!{{/first}}" +
              "{{^first}}{{subject.name}} has just reached {{count}} delivered emails. Congratulations!{{/first}}",
            "",
            "All the best from your email platform",
          ].join("\n"),
          html: [
            "<p>Hi{{#recipient.firstName}} {{recipient.firstName}}{{/recipient.firstName}},</p>",
            "<p>{{#first}}the very first email of <b>{{subject.name}}</b> has just arrived. Here's to many more!{{/first}}" +
              "{{^first}}<b>{{subject.name}}</b> has just reached <b>{{count}}</b> delivered emails. Congratulations!{{/first}}</p>",
            "<p>All the best from your email platform</p>",
          ].join("\n"),
          data: ({ at }) => ({ first: at === 1, count: at.toLocaleString("en-US") }),
        },
      }),
    ],
  });
}
