import { type DeliveryFacts, factsOf, mergeFacts, noFacts } from "../../tracking/facts.js";
import { findings, type Violation } from "../verify.js";
import { keyOf, type Tables } from "./tables.js";

const { eventTwice, uncountedEvents, otherFacts } = findings;

/** Delivery events and what they were merged into. Facts of which events are forgotten have more than those that are left. */
export function* trackingViolations(tables: Tables): Generator<Violation> {
  const keys = new Set<string>();
  const folds = new Map<string, { tenant: string; notification: string; facts: DeliveryFacts }>();
  for (const event of tables.deliveryEvents) {
    const { tenant, source, id, notification } = event;
    const key = keyOf(tenant, source, id);
    if (keys.has(key)) yield { tenant, what: `delivery event ${JSON.stringify([source, id])}`, found: eventTwice };
    keys.add(key);
    if (notification === null) continue;
    const of = keyOf(tenant, notification);
    const facts = mergeFacts(folds.get(of)?.facts ?? noFacts, factsOf(event));
    folds.set(of, { tenant, notification, facts });
  }
  for (const [key, { tenant, notification, facts }] of folds) {
    const {
      tenant: _,
      notification: __,
      ...stored
    } = tables.deliveryFacts.get(key) ?? { tenant, notification, ...noFacts };
    const what = `notification ${notification}`;
    if (facts.events > stored.events) yield { tenant, what, found: uncountedEvents };
    const same = JSON.stringify(facts) === JSON.stringify({ ...noFacts, ...stored });
    if (facts.events === stored.events && !same) yield { tenant, what, found: otherFacts };
  }
}
