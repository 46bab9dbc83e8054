// Records what makes a mail for each fault of a mail server, and sends until it is asked to stop.
import { createMilepost, type DeliveryTiming, milestone, thresholds } from "@milepost/core";
import { smtpNotifier } from "@milepost/mailer";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";

export interface MailSenderInput {
  readonly place: Place;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  /** Milliseconds of a server's silence. */
  readonly patience: number;
  readonly routes: readonly {
    /** The notifier's, and the milestone's. */
    readonly name: string;
    readonly port: number;
    readonly login: boolean;
    readonly mails: number;
    readonly maxAttempts: number;
  }[];
}

await runProgram<MailSenderInput>(async (input, link) => {
  const { place, concurrency, delivery, patience, routes } = input;
  const opened = openPlace(place);
  const milepost = createMilepost({
    store: opened.store,
    delivery,
    milestones: routes.map(({ name, port, login, maxAttempts }) =>
      milestone({
        name,
        metric: name,
        policy: thresholds(1),
        recipients: { resolve: async ({ subject }) => [{ address: `${subject}@chaos.example` }] },
        message: { subject: "{{subject.id}}", text: "{{subject.id}} reached {{threshold}}." },
        maxAttempts,
        notifier: smtpNotifier({
          ...{ name, host: "127.0.0.1", port, from: "milepost@chaos.example" },
          ...(login && { auth: { user: "milepost", pass: "secret" }, requireTLS: false }),
          connectionTimeout: patience,
          socketTimeout: patience,
        }),
      }),
    ),
  });
  for (const { name, mails } of routes) {
    const events = Array.from({ length: mails }, (_, n) => ({
      id: `${name}-${n}`,
      metric: name,
      subject: `${name}-${n}`,
    }));
    await milepost.recordMany(events);
  }
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 200 });
  await worker.start();
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  await milepost.close();
  await opened.close();
});
