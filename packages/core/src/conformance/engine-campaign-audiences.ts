import assert from "node:assert/strict";
import type { AudienceMember } from "../campaign/audience-member.js";
import type { AudienceContext } from "../campaign/definition.js";
import { groupedBy } from "../campaign/grouped.js";
import type { ConformanceCase } from "./case.js";
import { people, person, setUpCampaigns, streamed } from "./engine-campaign-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: audiences";
const one = { id: "n-1", ...person };
const made = { ...one, definition: "news" };

export const engineCampaignAudienceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an audience of the code is loaded by a worker, before its time has come",
    async run({ store }) {
      const asked: Pick<AudienceContext, "tenant" | "campaign" | "after">[] = [];
      const audience = ({ tenant, campaign, after }: AudienceContext) => {
        asked.push({ tenant, campaign, after });
        return streamed(people(3));
      };
      const { milepost, notifier, clock } = setUpCampaigns(store, { code: { audience } });
      const at = new Date(clock.now().getTime() + hour);
      await milepost.campaigns.create({ ...made, at, data: { week: 45 } });
      await milepost.runOnce();
      const campaign = { id: "n-1", name: "n-1", data: { week: 45 }, scheduledAt: at, occurrence: "" };
      assert.deepEqual(asked, [{ tenant: "default", campaign, after: null }]);
      const loaded = (await milepost.campaigns.get({ id: "n-1" }))!;
      assert.deepEqual([loaded.state, loaded.loaded, loaded.counts.queued], ["scheduled", true, 3]);
      clock.advance(hour);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 3);
      assert.equal(asked.length, 1);
    },
  },
  {
    about,
    name: "listmonk-3022: an audience that breaks off is gone on with, and each of it gets one message",
    async run({ store }) {
      const all = people(2_500, (i) => ({ cursor: String(i + 1) }));
      const from: (string | null)[] = [];
      async function* audience({ after }: AudienceContext): AsyncGenerator<AudienceMember> {
        from.push(after);
        const begin = Number(after ?? 0);
        for (const member of all.slice(begin)) {
          if (from.length < 3 && member.cursor === String(begin + 1_200)) throw new Error("the connection was lost");
          yield member;
        }
      }
      const { milepost, notifier, clock } = setUpCampaigns(store, { code: { audience } });
      milepost.on("error", () => {});
      await milepost.campaigns.create(made);
      await milepost.campaigns.schedule(one);
      for (let passes = 0; passes < 3; passes++) {
        await milepost.runOnce({ concurrency: 500 });
        clock.advance(minute);
      }
      assert.deepEqual(from, [null, "1000", "2000"]);
      assert.equal(notifier.sent.length, 2_500);
      assert.equal(new Set(notifier.sent.map(({ to }) => to.address)).size, 2_500);
    },
  },
  {
    about,
    name: "an audience that always fails is given up, and says why",
    async run({ store }) {
      let calls = 0;
      const audience = async () => {
        calls++;
        throw new Error("no such table");
      };
      const { milepost, clock } = setUpCampaigns(store, { code: { audience } });
      milepost.on("error", () => {});
      await milepost.campaigns.create(made);
      await milepost.campaigns.schedule(one);
      for (let passes = 0; passes < 30; passes++) {
        await milepost.runOnce();
        clock.advance(hour);
      }
      const { state, detail } = (await milepost.campaigns.get({ id: "n-1" }))!;
      assert.deepEqual([calls, state, detail], [10, "failed", "no such table"]);
    },
  },
  {
    about,
    name: "winback-shift: an audience that is grouped from rows that are not sorted fails at once, and nobody is told",
    async run({ store }) {
      const rows = [...people(1_200).map((member, i) => ({ member, key: i })), { member: people(1)[0]!, key: 7 }];
      async function* audience(): AsyncGenerator<AudienceMember> {
        for await (const group of groupedBy(rows, ({ key }) => key)) yield group.rows[0]!.member;
      }
      const { milepost, notifier } = setUpCampaigns(store, { code: { audience } });
      milepost.on("error", () => {});
      await milepost.campaigns.create(made);
      await milepost.campaigns.schedule(one);
      await milepost.runOnce();
      const { state, detail, counts } = (await milepost.campaigns.get({ id: "n-1" }))!;
      assert.deepEqual([state, detail], ["failed", "rows[1200]: rows sorted by their key"]);
      await milepost.runOnce();
      assert.deepEqual([counts.sent, notifier.sent.length], [0, 0]);
    },
  },
  {
    about,
    name: "each segment gets its message, and who is in none gets nothing",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store, {
        code: {
          message: undefined as never,
          messages: { low: { text: "{{recipient.name}} low" }, high: { text: "{{recipient.name}} {{segment}}!" } },
          audience: async () => people(4),
          segmentOf: ({ name }) => ({ P0: "low", P1: "high", P2: "low" })[name!] ?? null,
        },
      });
      await milepost.campaigns.create(made);
      const { queued } = await milepost.campaigns.launch(one);
      assert.equal(queued, 3);
      await milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ text }) => text),
        ["P0 low", "P1 high!", "P2 low"],
      );
    },
  },
  {
    about,
    name: "of several items each has a message of its own, or all of them one, as the campaign says",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      const items = [
        { key: "i-1", total: "10" },
        { key: "i-2", total: "20" },
      ];
      const recipients = people(2, (i) => ({ items: items.slice(i) }));
      const invoices = { ...person, notifier: "memory" };
      const each = { text: "{{recipient.name}} {{item.key}} {{item.total}}" };
      await milepost.campaigns.create({ ...invoices, id: "each", message: each });
      await milepost.campaigns.launch({ ...person, id: "each", recipients });
      const grouped = { text: "{{recipient.name}} {{item.key}}:{{#items}} {{total}}{{/items}}" };
      await milepost.campaigns.create({ ...invoices, id: "grouped", items: "grouped", message: grouped });
      await milepost.campaigns.launch({ ...person, id: "grouped", recipients });
      await milepost.runOnce();
      const texts = notifier.sent.map(({ text }) => text).sort();
      assert.deepEqual(texts, ["P0 i-1 10", "P0 i-1: 10 20", "P0 i-2 20", "P1 i-2 20", "P1 i-2: 20"]);
    },
  },
  {
    about,
    name: "mailing-pending: what is not sent by the end of a window, by each one's clocks, ends as expired",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      // it is 2026-11-01T12:00Z
      const window = { start: "2026-11-01T20:00", end: "2026-11-01T23:00", zone: "recipient" };
      await milepost.campaigns.create({ ...one, notifier: "memory", window, message: { text: "{{recipient.zone}}" } });
      const zones = ["Pacific/Kiritimati", "Asia/Tokyo", "Europe/Berlin", "America/New_York"];
      const recipients = people(4, (i) => ({ zone: zones[i]! }));
      const { campaign } = await milepost.campaigns.launch({ ...one, recipients });
      assert.equal(campaign.state, "sending", "in Kiritimati it is over already");
      const sent: string[] = [];
      for (let passes = 0; passes < 24 * 4; passes++) {
        if (passes === 20) await milepost.campaigns.pause(one);
        if (passes === 60) await milepost.campaigns.resume(one);
        const before = notifier.sent.length;
        await milepost.runOnce();
        for (const { text } of notifier.sent.slice(before))
          sent.push(`${clock.now().toISOString().slice(8, 16)} ${text}`);
        clock.advance(15 * minute);
      }
      // 20:00 in Berlin, 19:00Z, was during the pause, which was over at 03:00Z, 22:00 in New York
      assert.deepEqual(sent, ["01T12:00 Asia/Tokyo", "02T03:00 America/New_York"]);
      const { counts, state } = (await milepost.campaigns.get({ id: "n-1" }))!;
      assert.deepEqual([counts.sent, counts.expired, state], [2, 2, "completed"]);
    },
  },
  {
    about,
    name: "listmonk-1801: an edit of the window moves what was not sent, and nothing goes out after its end",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      const window = { start: "2026-11-02T09:00", zone: "UTC" };
      await milepost.campaigns.create({ ...one, notifier: "memory", window, message: { text: "Hello" } });
      const { campaign } = await milepost.campaigns.launch({ ...one, recipients: people(2) });
      assert.deepEqual([campaign.state, campaign.scheduledAt], ["scheduled", new Date("2026-11-02T09:00:00Z")]);
      const change = { window: { start: "2026-11-03T09:00", end: "2026-11-03T10:00", zone: "UTC" } };
      await milepost.campaigns.edit({ ...one, revision: 1, change });
      clock.advance(24 * hour);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 0, "it is Monday, and meant for Tuesday now");
      clock.advance(24 * hour);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 0);
      assert.equal((await milepost.campaigns.get({ id: "n-1" }))!.counts.expired, 2);
    },
  },
  {
    about,
    name: "two processes load one audience once",
    async run(opened) {
      const { store } = opened;
      const audience = () => streamed(people(1_500));
      const { milepost, notifier, clock } = setUpCampaigns(store, { code: { audience } });
      const other = setUpCampaigns(store, { code: { audience }, notifier, clock });
      await milepost.campaigns.create(made);
      await milepost.campaigns.schedule(one);
      await Promise.all([milepost.runOnce({ concurrency: 300 }), other.milepost.runOnce({ concurrency: 300 })]);
      await milepost.runOnce({ concurrency: 300 });
      assert.equal(notifier.sent.length, 1_500);
      assert.equal((await milepost.campaigns.get({ id: "n-1" }))!.counts.sent, 1_500);
    },
  },
];
