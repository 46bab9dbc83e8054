import { type Milestone, milestone, type Runtime, thresholds } from "@milepost/core";
import { providerMail } from "@milepost/mailer";

/** Where the accounts are. */
export interface AccountServers {
  /** Of the mail server on this machine. */
  readonly mailPort: number;
  readonly tokenUrl: string;
  /** Milliseconds before its end from which on a token is renewed. */
  readonly renewBefore: number;
  /** Milliseconds for one call. */
  readonly sendTimeout: number;
}

export const accountMetric = "crowd.gathered";

/** Tells as many people as an event counts, through the accounts of the tenant. */
export function accountMilestone(
  { mailPort, tokenUrl, renewBefore, sendTimeout }: AccountServers,
  runtime: Partial<Pick<Runtime, "now">> | undefined,
): Milestone {
  return milestone({
    name: "crowd",
    metric: accountMetric,
    policy: thresholds(1),
    recipients: {
      resolve: async ({ value, subject }) =>
        Array.from({ length: value }, (_, i) => ({ address: `${subject}-${i}@chaos.example` })),
    },
    message: { subject: "Crowd", text: "It has come together." },
    maxAttempts: 20,
    notifier: providerMail({
      kinds: { gmail: { host: "127.0.0.1", port: mailPort, secure: false, requireTLS: false, tokenUrl } },
      ...{ sendTimeout, renewBefore },
      ...(runtime && { runtime }),
    }),
  });
}
