import { createMilepost, type EngagementFigures } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  messages: { full: 1_000_000, short: 6_000, what: "messages of the campaign, with what was heard of them" },
  runs: { full: 7, short: 2, what: "times that each question is asked" },
  limit: { full: 1_000, short: 10_000, what: "milliseconds that the campaign's figures may take at the median" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const analytics: Scenario = {
  name: "analytics",
  title: "figures of one large campaign, counted from its rows: what they say, and how long it takes",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

/** Of this many messages in a row a tenth each is failed, suppressed and waiting; the rest was sent. */
const cycle = 10;

async function run({ scale, places, verdict }: ScenarioContext<Size>): Promise<void> {
  const place = await places.create();
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store });
  try {
    await milepost.migrate();
    const started = performance.now();
    const messages = Math.ceil(scale.messages / (cycle * 9)) * cycle * 9;
    await fill(place, "big", messages);
    await fill(place, "small", messages / 9);
    verdict.note("fillSeconds", Math.round((performance.now() - started) / 100) / 10);
    const ask = async (name: string, query: Parameters<typeof milepost.engagement>[0]) => {
      const times: number[] = [];
      let figures: EngagementFigures | undefined;
      for (let i = 0; i < scale.runs; i++) {
        const begun = performance.now();
        figures = (await milepost.engagement(query)).total;
        times.push(performance.now() - begun);
      }
      times.sort((a, b) => a - b);
      const median = Math.round(times[Math.floor(times.length / 2)]!);
      verdict.note(`${name}Ms`, median);
      verdict.note(`${name}WorstMs`, Math.round(times.at(-1)!));
      return { figures: figures!, median };
    };
    const campaign = await ask("campaign", { by: "campaign", campaigns: ["big"] });
    const template = await ask("template", { by: "template", campaigns: ["big"] });
    const time = await ask("time", { by: "time", campaigns: ["big"], bucket: "hour", zone: "Europe/Berlin" });
    await ask("everything", { by: "template" });
    const sent = (messages / cycle) * 7;
    const wanted = {
      ...{ recipients: messages, queued: messages / cycle, sent, failed: messages / cycle },
      ...{
        suppressed: messages / cycle,
        opened: sent / 7,
        opens: (sent / 7) * 2,
        clicked: sent / 7,
        bounced: sent / 7,
      },
      delivered: (sent / 7) * 6,
    };
    for (const { figures } of [campaign, template, time]) {
      for (const [name, count] of Object.entries(wanted)) {
        verdict.exactly(name, figures[name as keyof EngagementFigures] ?? Number.NaN, count);
      }
    }
    verdict.exactly("openRatePercent", Math.round(campaign.figures.openRate! * 1_000) / 10, 16.7);
    verdict.atMost("campaignMedianMs", campaign.median, scale.limit);
  } finally {
    await milepost.close();
    await opened.close();
  }
}

/** Rows as sending and tracking leave them, by SQL: sending a million messages is another scenario. */
async function fill(place: Place, campaign: string, count: number): Promise<void> {
  const raw = openRawTables(place);
  const postgres = place.store === "postgres";
  const numbers = postgres
    ? `generate_series(0, ${count - 1}) AS s (i)`
    : `(WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < ${count - 1}) SELECT i FROM s) AS s`;
  // a second each, so that by time there are hours to tell apart
  const time = postgres
    ? "timestamptz '2026-11-01 00:00:00Z' + (i / 20) * interval '1 second'"
    : "strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-01', (i / 20) || ' seconds')";
  const [text, json] = postgres ? ["::text", "::jsonb"] : ["", ""];
  const id = `'${campaign}-' || i${text}`;
  const state = `CASE i % ${cycle} WHEN 0 THEN 'failed' WHEN 1 THEN 'suppressed' WHEN 2 THEN 'pending' ELSE 'sent' END`;
  const template = `'template-' || (i % 3)${text}`;
  try {
    await raw.run(`
      INSERT INTO ${raw.table("notifications")} (tenant, id, source_kind, source_id, campaign, channel, recipient_key, item_key,
        notifier, mode, recipient, template, data, state, reason, not_before, max_attempts, created_at)
      SELECT 'default', ${id}, 'campaign', '${campaign}', '${campaign}', 'email', ${id} || '@chaos.example', '', 'sink',
        'at-most-once', '{"address":"somebody@chaos.example"}'${json}, ${template}, '{"name":"Somebody"}'${json}, ${state},
        CASE WHEN i % ${cycle} < 2 THEN 'refused' END, ${time}, 5, ${time}
      FROM ${numbers}`);
    const when = (these: string) => `CASE WHEN i % ${cycle} IN (${these}) THEN ${time} END`;
    await raw.run(`
      INSERT INTO ${raw.table("delivery_facts")} (tenant, notification, campaign, template, queued_at, settled, events,
        delivered_at, first_opened_at, last_opened_at, opens, first_clicked_at, last_clicked_at, clicks, bounced_at, bounce${postgres ? "" : ", marks"})
      SELECT 'default', ${id}, '${campaign}', ${template}, ${time}, ${postgres ? "true" : "1"}, 1, ${when("3, 4, 5, 6, 7, 8")},
        ${when("3")}, ${when("3")}, CASE i % ${cycle} WHEN 3 THEN 2 ELSE 0 END, ${when("3")}, ${when("3")},
        CASE i % ${cycle} WHEN 3 THEN 1 ELSE 0 END, ${when("9")}, CASE i % ${cycle} WHEN 9 THEN 'soft' END
        ${postgres ? "" : `, CASE i % ${cycle} WHEN 3 THEN 14 WHEN 9 THEN 16 ELSE 2 END`}
      FROM ${numbers} WHERE i % ${cycle} > 2`);
    // what autovacuum does after so many rows
    if (postgres)
      for (const table of ["notifications", "delivery_facts"]) await raw.run(`VACUUM ANALYZE ${raw.table(table)}`);
  } finally {
    await raw.close();
  }
}
