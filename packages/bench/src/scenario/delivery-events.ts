import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createMilepost, type DeliveryEventInput } from "@milepost/core";
import { randomDeliveryEvents, shuffledAndRepeated } from "@milepost/core/conformance";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import type { EventTellerReport } from "../program/event-teller.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  events: { full: 100_000, short: 1_200, what: "delivery events, a tenth as many messages" },
  times: { full: 5, short: 5, what: "that each event comes" },
  processes: { full: 4, short: 2, what: "that hand them over" },
  together: { full: 4, short: 3, what: "calls that a process has open at once" },
  chunk: { full: 200, short: 40, what: "events in one call" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const deliveryEvents: Scenario = {
  name: "delivery-events",
  title: "events that come five times and in no order, from several processes: the facts of sorted and unique ones",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

const from = new Date("2026-11-01T00:00:00Z");
const month = 30 * 86_400_000;

async function run({ scale, seed, places, crew, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const place = await places.create();
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store });
  try {
    await milepost.migrate();
    const count = Math.max(20, Math.ceil(scale.events / 10));
    const addresses = Math.ceil(count / 4);
    for (const tenant of ["sorted", "shuffled"]) await sendAll(place, tenant, count, addresses);
    const messages = Array.from({ length: count }, (_, i) => {
      return {
        id: `m${i}`,
        messageId: `<m${i}@chaos>`,
        receipt: `rcp-${i}`,
        address: `p${i % addresses}@chaos.example`,
      };
    });
    const events = randomDeliveryEvents({ seed, events: scale.events, messages, from, span: month });
    const total = scale.events * (1 + scale.times);

    const byTime = events.toSorted((a, b) => a.occurredAt!.getTime() - b.occurredAt!.getTime());
    for (const [i, chunk] of chunksOf(byTime, scale.chunk, "sorted").entries()) {
      await milepost.deliveryEvents.record(chunk);
      progress((i + 1) * scale.chunk, total);
    }
    const chunks = chunksOf(shuffledAndRepeated(events, scale.times, seed), scale.chunk, "shuffled");
    const started = performance.now();
    const reports: EventTellerReport[] = [];
    const tellers = Array.from({ length: scale.processes }, (_, i) => {
      const file = join(places.folder, `events-${i}.json`);
      writeFileSync(file, JSON.stringify(chunks.filter((_, n) => n % scale.processes === i)));
      const teller = crew.start("event-teller", { place, file, together: scale.together });
      teller.onMessage((report) => reports.push(report as EventTellerReport));
      return teller;
    });
    await Promise.all(tellers.map((teller) => teller.finished()));
    const seconds = (performance.now() - started) / 1_000;
    progress(total, total);

    const sum = (of: keyof EventTellerReport) => reports.reduce((all, report) => all + report[of], 0);
    verdict.note("eventsPerSecond", Math.round((scale.events * scale.times) / seconds));
    verdict.exactly("recorded", sum("recorded"), scale.events);
    verdict.exactly("duplicates", sum("duplicates"), scale.events * (scale.times - 1));
    verdict.note("busyRepeats", sum("repeated"));
    let differing = 0;
    let withFacts = 0;
    for (let i = 0; i < count; i += 1_000) {
      const notifications = messages.slice(i, i + 1_000).map(({ id }) => id);
      const [sorted, shuffled] = await Promise.all(
        ["sorted", "shuffled"].map(async (tenant) => {
          const known = await milepost.deliveryEvents.facts({ tenant, notifications });
          return new Map(known.map(({ notification, tenant: _, ...facts }) => [notification, JSON.stringify(facts)]));
        }),
      );
      withFacts += sorted!.size;
      differing += notifications.filter((id) => sorted!.get(id) !== shuffled!.get(id)).length;
    }
    verdict.exactly("differingFacts", differing, 0);
    verdict.atLeast("messagesWithFacts", withFacts, Math.ceil(count / 2));
    const suppressions = await Promise.all(["sorted", "shuffled"].map((tenant) => suppressionsOf(milepost, tenant)));
    verdict.atLeast("suppressions", suppressions[0]!.size, 1);
    const others = [...suppressions[0]!].filter((each) => !suppressions[1]!.has(each)).length;
    verdict.exactly("differingSuppressions", others + Math.abs(suppressions[0]!.size - suppressions[1]!.size), 0);
    const figures = await Promise.all(
      ["sorted", "shuffled"].map(async (tenant) =>
        JSON.stringify(await milepost.engagement({ tenant, by: "template" })),
      ),
    );
    verdict.exactly("differingFigures", figures[0] === figures[1] ? 0 : 1, 0);
    const { sound, checks } = await milepost.verify({ only: ["I14"] });
    verdict.exactly("violations", sound ? 0 : checks[0]!.violations.length, 0);
  } finally {
    await milepost.close();
    await opened.close();
  }
}

function chunksOf(events: readonly DeliveryEventInput[], size: number, tenant: string): DeliveryEventInput[][] {
  return Array.from({ length: Math.ceil(events.length / size) }, (_, i) =>
    events.slice(i * size, (i + 1) * size).map((event) => ({ ...event, tenant })),
  );
}

async function suppressionsOf(
  milepost: Pick<ReturnType<typeof createMilepost>, "suppressions">,
  tenant: string,
): Promise<ReadonlySet<string>> {
  const all = new Set<string>();
  let page = await milepost.suppressions.list({ tenant, limit: 10_000 });
  while (page.length > 0) {
    for (const { recipientKey, scope, reason, detail, by } of page) {
      all.add(JSON.stringify([recipientKey, scope, reason, detail, by]));
    }
    const { recipientKey, scope } = page.at(-1)!;
    page = await milepost.suppressions.list({ tenant, limit: 10_000, after: { recipientKey, scope } });
  }
  return all;
}

/** Messages as sending leaves them: what is done with their events is what is tried. */
async function sendAll(place: Place, tenant: string, count: number, addresses: number): Promise<void> {
  const raw = openRawTables(place);
  const postgres = place.store === "postgres";
  const numbers = postgres
    ? `generate_series(0, ${count - 1}) AS s (i)`
    : `(WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < ${count - 1}) SELECT i FROM s) AS s`;
  const [text, json] = postgres ? ["::text", "::jsonb"] : ["", ""];
  const now = `'${from.toISOString()}'${postgres ? "::timestamptz" : ""}`;
  const address = `'p' || (i % ${addresses})${text} || '@chaos.example'`;
  try {
    await raw.run(`
      INSERT INTO ${raw.table("notifications")} (tenant, id, source_kind, source_id, campaign, channel, recipient_key, item_key,
        notifier, mode, recipient, template, data, state, not_before, max_attempts, created_at, message_id, receipt, scope)
      SELECT '${tenant}', 'm' || i${text}, 'crossing', 'c', '', 'email', ${address}, 'm' || i${text}, 'sink', 'at-most-once',
        '{"address":"somebody@chaos.example"}'${json}, 'template', '{}'${json}, 'sent', ${now}, 5, ${now},
        '<m' || i${text} || '@chaos>', 'rcp-' || i${text}, CASE i % 2 WHEN 0 THEN 'news' ELSE 'bills' END
      FROM ${numbers}`);
  } finally {
    await raw.close();
  }
}
