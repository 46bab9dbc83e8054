import assert from "node:assert/strict";
import type { AudienceContext } from "../campaign/definition.js";
import type { ConformanceCase } from "./case.js";
import { people, person, setUpCampaigns } from "./engine-campaign-setup.js";
import { refusal } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: recurrences";

// The clock stands at 2026-11-01T12:00Z, a Sunday.
const saturdays = { cron: "0 9 * * 6", zone: "UTC", catchUp: 6 * hour };
const week = 7 * 24 * hour;

/** Who was asked for, of which occurrences. */
function asked(): {
  readonly keys: string[];
  readonly audience: (context: AudienceContext) => Promise<ReturnType<typeof people>>;
} {
  const keys: string[] = [];
  return {
    keys,
    audience: async ({ campaign }) => {
      keys.push(campaign.occurrence);
      return people(1);
    },
  };
}

export const engineRecurrenceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a campaign of the code that recurs is sent on each of its dates, once, by several processes",
    async run({ store }) {
      const { keys, audience } = asked();
      const code = { audience, recurrence: saturdays, message: { text: "{{campaign.id}}" } };
      const { milepost, notifier, clock } = setUpCampaigns(store, { code });
      const { milepost: other } = setUpCampaigns(store, { code, notifier, clock });
      for (let hours = 0; hours < 3 * 7 * 24; hours += 12) {
        await Promise.all([milepost.runOnce(), other.runOnce()]);
        clock.advance(12 * hour - minute);
        await Promise.all([milepost.runOnce(), other.runOnce()]);
        clock.advance(minute);
      }
      const dates = ["2026-11-07T09:00", "2026-11-14T09:00", "2026-11-21T09:00"];
      assert.deepEqual(keys, dates);
      assert.deepEqual(
        notifier.sent.map(({ text }) => text),
        dates.map((date) => `news:${date}`),
      );
    },
  },
  {
    about,
    name: "a date that was missed is caught up, or kept as skipped, by its policy",
    async run({ store }) {
      const { keys, audience } = asked();
      const { milepost, clock } = setUpCampaigns(store, { code: { audience, recurrence: saturdays } });
      await milepost.runOnce();
      clock.advance(5 * 24 * hour + 21 * hour + 5 * hour);
      await milepost.runOnce();
      assert.deepEqual(keys, ["2026-11-07T09:00"], "five hours late");
      clock.advance(2 * week + 2 * hour);
      await milepost.runOnce();
      assert.deepEqual(keys, ["2026-11-07T09:00"], "seven hours late");
      const skips = await milepost.recurrences.skips({ id: "news" });
      assert.deepEqual(
        skips.map(({ occurrence, reason }) => [occurrence, reason]),
        [
          ["2026-11-21T09:00", "missed"],
          ["2026-11-14T09:00", "missed"],
        ],
      );
      const { nextAt, last } = (await milepost.recurrences.get({ id: "news" }))!;
      assert.deepEqual([nextAt, last], [new Date("2026-11-28T09:00:00Z"), "2026-11-21T09:00"]);
    },
  },
  {
    about,
    name: "dittofeed-dst: by the recipients' clocks each is told once on each date, at the hour it says",
    async run({ store }) {
      const zones = ["Pacific/Kiritimati", "Asia/Tokyo", "Europe/Berlin", "America/New_York", "Nowhere/Land"];
      const audience = async () => people(5, (i) => ({ zone: zones[i]!, data: { i } }));
      const recurrence = { cron: "30 2 * * 1", zone: "recipient", otherwise: "Asia/Kathmandu" };
      const { milepost, notifier, clock } = setUpCampaigns(store, {
        code: { audience, recurrence, message: { text: "{{i}}" } },
      });
      const told: string[] = [];
      for (let quarters = 0; quarters < 4 * 24 * 9; quarters++) {
        const before = notifier.sent.length;
        await milepost.runOnce();
        for (const { text } of notifier.sent.slice(before)) {
          const zone = text === "4" ? "Asia/Kathmandu" : zones[Number(text)]!;
          const shown = new Intl.DateTimeFormat("en-GB", {
            timeZone: zone,
            weekday: "short",
            hour: "2-digit",
            minute: "2-digit",
          });
          told.push(`${text} ${shown.format(clock.now())}`);
        }
        clock.advance(15 * minute);
      }
      assert.deepEqual(told, [
        "0 Mon 02:30",
        "1 Mon 02:30",
        "4 Mon 02:30",
        "2 Mon 02:30",
        "3 Mon 02:30",
        "0 Mon 02:30",
        "1 Mon 02:30",
        "4 Mon 02:30",
        "2 Mon 02:30",
        "3 Mon 02:30",
      ]);
    },
  },
  {
    about,
    name: "one that is made as data can be changed, paused, resumed and removed",
    async run({ store }) {
      const { keys, audience } = asked();
      const { milepost, notifier, clock } = setUpCampaigns(store, { code: { audience } });
      const daily = { id: "daily", cron: "0 13 * * *", zone: "UTC", ...person };
      const campaign = { definition: "news", name: "Daily", data: { n: 1 }, message: { text: "{{campaign.n}}" } };
      await milepost.recurrences.put({ ...daily, campaign });
      clock.advance(hour);
      await milepost.runOnce();
      await milepost.recurrences.put({ ...daily, campaign: { ...campaign, data: { n: 2 } } });
      await milepost.recurrences.pause({ id: "daily", ...person });
      clock.advance(24 * hour);
      await milepost.runOnce();
      const resumed = await milepost.recurrences.resume({ id: "daily", ...person });
      assert.equal(resumed.nextAt?.toISOString(), "2026-11-03T13:00:00.000Z");
      clock.advance(24 * hour);
      await milepost.runOnce();
      assert.equal(await milepost.recurrences.remove({ id: "daily", ...person }), true);
      clock.advance(24 * hour);
      await milepost.runOnce();
      assert.deepEqual(keys, ["2026-11-01T13:00", "2026-11-03T13:00"]);
      assert.deepEqual(
        notifier.sent.map(({ text }) => text),
        ["1", "2"],
      );
      const listed = await milepost.campaigns.list();
      assert.deepEqual(
        listed.map(({ id, name, recurrence, state }) => [id, name, recurrence, state]),
        [
          ["daily:2026-11-01T13:00", "Daily", "daily", "completed"],
          ["daily:2026-11-03T13:00", "Daily", "daily", "completed"],
        ],
      );
    },
  },
  {
    about,
    name: "bad input is refused with its field",
    async run({ store }) {
      const { milepost } = setUpCampaigns(store, { code: { audience: async () => [] } });
      const good = { id: "r", cron: "0 9 * * 6", zone: "UTC", ...person, campaign: { definition: "news" } };
      const refusals: readonly [object, string][] = [
        [{ cron: "0 9 * *" }, "cron"],
        [{ cron: "0 0 31 2 *" }, "cron"],
        [{ zone: "Nowhere/Land" }, "zone"],
        [{ catchUp: 1 }, "catchUp"],
        [{ id: "x".repeat(181) }, "id"],
        [{ campaign: { definition: "unknown" } }, "campaign.definition"],
        [{ campaign: { definition: "news", notifier: "nobody" } }, "notifier"],
        [{ campaign: { definition: "news", window: { start: "2026-01-01T09:00", zone: "UTC" } } }, "window.start"],
        [{ campaign: { definition: "news", surprise: 1 } }, "campaign.surprise"],
      ];
      for (const [fields, path] of refusals) {
        const error = await refusal(() => milepost.recurrences.put({ ...good, ...fields } as never));
        assert.deepEqual([error.code, error.path], ["invalid_campaign", path]);
      }
      assert.deepEqual(await milepost.recurrences.list(), []);
      for (const name of ["pause", "resume"] as const) {
        assert.equal((await refusal(() => milepost.recurrences[name]({ id: "r", ...person }))).code, "not_found");
      }
    },
  },
];
