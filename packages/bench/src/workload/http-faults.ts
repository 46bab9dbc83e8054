import { type DeliveryMode, httpNotifier, type Milestone, milestone, type Notifier, thresholds } from "@milepost/core";
import { metric } from "./event-streams.js";

/** What an API does at its first call for a notification; every later one it takes. */
export interface HttpFault {
  readonly name: string;
  /** Whether it took the message, in its log and on disk, before it failed. */
  readonly taken: boolean;
  /** What is known of it: `no`: certainly not taken; `yes`: accepted; `unclear`. */
  readonly known: "no" | "yes" | "unclear";
}

export const httpFaults: readonly HttpFault[] = [
  { name: "refused-connection", taken: false, known: "no" },
  { name: "reset-before-body", taken: false, known: "no" },
  { name: "reset-after-body", taken: true, known: "unclear" },
  { name: "reset-after-body-dropped", taken: false, known: "unclear" },
  { name: "status-500", taken: true, known: "unclear" },
  { name: "status-502", taken: false, known: "unclear" },
  { name: "status-503", taken: false, known: "no" },
  { name: "status-429", taken: false, known: "no" },
  { name: "truncated-200", taken: true, known: "yes" },
  { name: "hang-own-time", taken: true, known: "unclear" },
  { name: "hang-deadline", taken: false, known: "unclear" },
];

export const httpModes: readonly DeliveryMode[] = ["at-most-once", "idempotent"];

/** Milliseconds that the notifier of `hang-own-time` waits for an answer. */
export const ownTime = 2_000;

/** The header that the API tells repeats by. */
export const keyHeader = "idempotency-key";

/** Where the sink listens; at `late` nobody does for the first time. */
export interface HttpPorts {
  readonly port: number;
  readonly late: number;
}

/** A milestone for each fault and mode, with a notifier of its own. */
export function faultyMilestones(ports: HttpPorts): readonly Milestone[] {
  return httpFaults.flatMap(({ name }) =>
    httpModes.map((mode) =>
      milestone({
        name: `${name} ${mode}`,
        metric,
        policy: thresholds(1),
        recipients: { resolve: async ({ subject }) => [{ address: `${subject}@chaos.example` }] },
        message: { text: "{{subject.id}} reached {{threshold}}" },
        notifier: faultyNotifier(name, mode, ports),
        // so many that a slow machine does not use them up before the closed door opens
        maxAttempts: 100,
      }),
    ),
  );
}

function faultyNotifier(fault: string, mode: DeliveryMode, { port, late }: HttpPorts): Notifier {
  return httpNotifier({
    name: `${fault} ${mode}`,
    channel: "email",
    url: `http://127.0.0.1:${fault === "refused-connection" ? late : port}/${fault}/${mode}`,
    token: "canary-token",
    mode,
    ...(mode === "idempotent" && { keyLifetime: 86_400_000 }),
    idempotencyHeader: keyHeader,
    body: ({ to }, { notification, messageId }) => ({ notification, messageId, to: to.address }),
    receipt: ({ json }) => (json as { readonly id: string }).id,
    expectContinue: fault === "reset-before-body",
    timeouts: { total: fault === "hang-own-time" ? ownTime : 600_000 },
  });
}
