import assert from "node:assert/strict";
import type { CampaignStory } from "../delivery/story.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { ambiguous } from "../notifier/notifier.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { people, person, setUpCampaigns, streamed } from "./engine-campaign-setup.js";
import { heldNotifier, refusal } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: campaigns";

const sale = {
  ...person,
  ...{ id: "sale", name: "Autumn sale", kind: "news", notifier: "memory", data: { percent: 20 } },
  message: { subject: "{{campaign.name}}", text: "{{recipient.name}}: {{campaign.percent}} % off, code {{code}}" },
};
const coded = (count: number) => people(count, (i) => ({ data: { code: `c${i}` } }));
const one = { id: "sale", ...person };

export const engineCampaignCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a launch queues a message for each of a list, sends it, and is complete when nothing is left",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      const told: string[] = [];
      milepost.on("campaign", ({ campaign, state }) => void told.push(`${campaign} ${state}`));
      const draft = await milepost.campaigns.create(sale);
      assert.deepEqual([draft.state, draft.counts.recipients, draft.loaded], ["draft", 0, false]);
      const { campaign, ...loaded } = await milepost.campaigns.launch({ ...one, recipients: coded(3) });
      assert.deepEqual(loaded, { queued: 3, duplicates: 0, rejected: 0, refused: [] });
      assert.deepEqual([campaign.state, campaign.counts.queued], ["sending", 3]);
      const report = await milepost.runOnce();
      assert.deepEqual([report.notifications.sent, report.campaigns], [3, 1]);
      assert.deepEqual(
        notifier.sent.map(({ to, subject, text }) => [to.address, subject, text]),
        [0, 1, 2].map((i) => [`p${i}@acme.example`, "Autumn sale", `P${i}: 20 % off, code c${i}`]),
      );
      const ended = (await milepost.campaigns.get({ id: "sale" }))!;
      assert.deepEqual([ended.state, ended.counts.sent, ended.counts.queued], ["completed", 3, 0]);
      assert.deepEqual(told, ["sale sending", "sale completed"]);
      const [row] = await milepost.notifications.list({ limit: 1 });
      assert.deepEqual(row!.source, { kind: "campaign", id: "sale" });
    },
  },
  {
    about,
    name: "one that is created again is the same, and one that is launched again tells nobody twice",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      await milepost.campaigns.create(sale);
      const again = await milepost.campaigns.create({ ...sale, name: "Other" });
      assert.equal(again.name, "Autumn sale");
      await milepost.campaigns.launch({ ...one, recipients: coded(3) });
      await milepost.runOnce();
      const { queued, campaign } = await milepost.campaigns.launch({ ...one, recipients: coded(5) });
      assert.deepEqual([queued, campaign.state], [0, "completed"]);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 3);
    },
  },
  {
    about,
    name: "an address that is twice in an audience gets one message",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      await milepost.campaigns.create(sale);
      const twice = [...coded(2), { address: "P1@ACME.example", data: { code: "other" } }];
      const nameless = twice.map((member) => ({ ...member, name: "P" }));
      const { queued, duplicates } = await milepost.campaigns.launch({ ...one, recipients: streamed(nameless) });
      assert.deepEqual([queued, duplicates], [2, 1]);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 2);
    },
  },
  {
    about,
    name: "raw-tag: a value that is missing is told before anything is queued, with whom and what it is about",
    async run({ store }) {
      const { milepost } = setUpCampaigns(store);
      await milepost.campaigns.create(sale);
      const members = coded(3).map((member, i) => (i === 2 ? { ...member, id: "cus-17", data: {} } : member));
      const error = await refusal(() => milepost.campaigns.launch({ ...one, recipients: members }));
      assert.deepEqual([error.code, error.path], ["missing_tag", 'recipients["cus-17"].code']);
      assert.match(error.message, /needs a value for \{\{code\}\}/);
      assert.deepEqual(await milepost.notifications.list(), []);
      const draft = (await milepost.campaigns.get({ id: "sale" }))!;
      assert.equal(draft.state, "draft", "it can be launched again");
      const { queued } = await milepost.campaigns.launch({ ...one, recipients: coded(3) });
      assert.equal(queued, 3);
    },
  },
  {
    about,
    name: "raw-tag: a value that is missing in a stream fails the campaign, and nobody has got anything",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      await milepost.campaigns.create(sale);
      const members = people(2_500, (i) => ({ data: i === 2_400 ? {} : { code: "c" } }));
      const error = await refusal(() => milepost.campaigns.launch({ ...one, recipients: streamed(members) }));
      assert.deepEqual([error.code, error.path], ["missing_tag", "recipients[2400].code"]);
      const failed = (await milepost.campaigns.get({ id: "sale" }))!;
      assert.deepEqual([failed.state, failed.counts.recipients], ["failed", 2_000]);
      assert.match(failed.detail!, /recipients\[2400\].*\{\{code\}\}/);
      await milepost.runOnce();
      const { counts } = (await milepost.campaigns.get({ id: "sale" }))!;
      assert.deepEqual([counts.cancelled, counts.queued, notifier.sent.length], [2_000, 0, 0]);
    },
  },
  {
    about,
    name: "with onRefused skip who cannot be told is counted and named, and the others are told",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      await milepost.campaigns.create({ ...sale, onRefused: "skip" });
      const members = [...coded(2), { address: "", id: "cus-1" }, { address: "eve@acme.example", id: "cus-2" }];
      const { queued, rejected, refused, campaign } = await milepost.campaigns.launch({ ...one, recipients: members });
      assert.deepEqual([queued, rejected, campaign.rejected], [2, 2, 2]);
      assert.deepEqual(
        refused.map(({ code, path }) => [code, path]),
        [
          ["invalid_recipient", 'recipients["cus-1"].address'],
          ["missing_tag", 'recipients["cus-2"].recipient.name'],
        ],
      );
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 2);
    },
  },
  {
    about,
    name: "a draft that is scheduled begins when its time has come, and not before",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      await milepost.campaigns.create(sale);
      const at = new Date(clock.now().getTime() + hour);
      const { campaign } = await milepost.campaigns.launch({ ...one, recipients: coded(2), at });
      assert.deepEqual([campaign.state, campaign.scheduledAt], ["scheduled", at]);
      clock.advance(hour - 1);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 0);
      clock.advance(1);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 2);
    },
  },
  {
    about,
    name: "what is paused sends nothing more until it is resumed, and what was cancelled nothing at all",
    async run({ store }) {
      const { notifier, inside, release } = heldNotifier();
      const { milepost } = setUpCampaigns(store, { notifier });
      await milepost.campaigns.create({ ...sale, rate: { count: 1, interval: minute } });
      await milepost.campaigns.launch({ ...one, recipients: coded(4) });
      const pass = milepost.runOnce({ concurrency: 1 });
      await inside;
      assert.equal((await milepost.campaigns.pause(one)).state, "paused");
      release();
      await pass;
      assert.equal(notifier.sent.length, 1);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 1);
      assert.equal((await milepost.campaigns.resume(one)).state, "sending");
      const cancelled = await milepost.campaigns.cancel(one);
      assert.deepEqual([cancelled.state, cancelled.counts.cancelled, cancelled.counts.sent], ["cancelled", 3, 1]);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 1);
      const acts = await actsOf(store, { tenant: "default", entity: "campaign", entityId: "sale" });
      assert.deepEqual(
        acts.map(({ act, by }) => [act, by]),
        ["create", "start", "pause", "resume", "cancel"].map((act) => [act, "ada"]),
      );
    },
  },
  {
    about,
    name: "a campaign's rate holds for all that it sends",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      await milepost.campaigns.create({ ...sale, rate: { count: 5, interval: 3_000 } });
      await milepost.campaigns.launch({ ...one, recipients: coded(12) });
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 5);
      clock.advance(3_150);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 10);
    },
  },
  {
    about,
    name: "an edit changes what was not sent yet, and nothing of what was",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      await milepost.campaigns.create({ ...sale, rate: { count: 1, interval: minute } });
      const { campaign } = await milepost.campaigns.launch({ ...one, recipients: coded(3) });
      await milepost.runOnce();
      const { revision } = campaign;
      const change = { message: { text: "{{campaign.name}} {{campaign.percent}}: {{code}}" }, data: { percent: 30 } };
      const edited = await milepost.campaigns.edit({
        ...one,
        revision,
        change: { ...change, name: "Winter", rate: null },
      });
      assert.deepEqual([edited.revision, edited.changing, edited.name], [2, null, "Winter"]);
      const stale = await refusal(() => milepost.campaigns.edit({ ...one, revision, change }));
      assert.equal(stale.code, "act_refused");
      const unfit = { message: { text: "{{nobody.has.it}}" } };
      const missing = await refusal(() => milepost.campaigns.edit({ ...one, revision: 2, change: unfit }));
      assert.equal(missing.code, "missing_tag");
      assert.equal((await milepost.campaigns.get({ id: "sale" }))!.revision, 2, "nothing was changed");
      clock.advance(hour);
      await milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ text }) => text),
        ["P0: 20 % off, code c0", "Winter 30: c1", "Winter 30: c2"],
      );
    },
  },
  {
    about,
    name: "who it is from and who is answered are those that it says, as it says them now",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      const from = { address: "sale@acme.example", name: "Acme" };
      await milepost.campaigns.create({ ...sale, from, rate: { count: 1, interval: minute } });
      await milepost.campaigns.launch({ ...one, recipients: coded(2) });
      await milepost.runOnce();
      const replyTo = { address: "help@acme.example" };
      await milepost.campaigns.edit({ ...one, revision: 1, change: { replyTo, rate: null } });
      clock.advance(hour);
      await milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ sender }) => sender),
        [{ from }, { from, replyTo }],
      );
      const dressed = { ...sale, id: "dressed", from: { address: "Acme <sale@acme.example>" } };
      const error = await refusal(() => milepost.campaigns.create(dressed));
      assert.deepEqual([error.code, error.path], ["invalid_campaign", "from.address"]);
    },
  },
  {
    about,
    name: "the story of a message tells of its campaign, of what was done to it, and of the attempts",
    async run({ store }) {
      const { milepost } = setUpCampaigns(store);
      await milepost.campaigns.create(sale);
      await milepost.campaigns.launch({ ...one, recipients: coded(2) });
      await milepost.runOnce();
      const [row] = await milepost.notifications.list({ limit: 1 });
      const story = (await milepost.explain({ notification: row!.id })) as CampaignStory;
      assert.deepEqual([story.campaign.id, story.campaign.state, story.campaign.counts.sent], ["sale", "completed", 2]);
      assert.deepEqual(
        story.acts.map(({ act, by }) => [act, by]),
        [
          ["create", "ada"],
          ["start", "ada"],
          ["complete", "milepost"],
        ],
      );
      assert.equal(story.notifications[0]!.attempts.length, 1);
      assert.equal(story.lines[0], 'Campaign "sale", "Autumn sale", is completed; 2 of its 2 messages were sent.');
      assert.match(
        story.lines[4]!,
        new RegExp(`^Notification ${row!.id} to p0@acme.example by email through "memory": `),
      );
      assert.equal(await milepost.explain({ tenant: "other", notification: row!.id }), null);
    },
  },
  {
    about,
    name: "it is not complete while an outcome is unknown",
    async run({ store }) {
      const notifier = memoryNotifier({ answer: () => ambiguous("no answer") });
      const { milepost, clock } = setUpCampaigns(store, { notifier });
      await milepost.campaigns.create(sale);
      await milepost.campaigns.launch({ ...one, recipients: coded(1) });
      await milepost.runOnce();
      const open = (await milepost.campaigns.get({ id: "sale" }))!;
      assert.deepEqual([open.state, open.counts.ambiguous], ["sending", 1]);
      clock.advance(25 * hour);
      await milepost.runOnce();
      const ended = (await milepost.campaigns.get({ id: "sale" }))!;
      assert.deepEqual([ended.state, ended.counts.unknown], ["completed", 1]);
    },
  },
  {
    about,
    name: "bad input is refused with its field, and nothing is stored",
    async run({ store }) {
      const { milepost } = setUpCampaigns(store, { code: {} });
      const refusals: readonly [object, string, string][] = [
        [{ ...sale, notifier: "nobody" }, "invalid_campaign", "notifier"],
        [{ ...sale, message: undefined }, "invalid_campaign", "message"],
        [{ ...sale, messages: { a: { text: "a" } } }, "invalid_campaign", "message"],
        [{ ...sale, message: { text: "{{#open}}" } }, "invalid_template", "message.text"],
        [{ ...sale, definition: "unknown" }, "invalid_campaign", "definition"],
        [{ ...sale, window: { start: "2026-02-30T09:00", zone: "UTC" } }, "invalid_campaign", "window.start"],
        [
          { ...sale, window: { start: "2026-02-03T09:00", end: "2026-02-03T08:00", zone: "UTC" } },
          "invalid_campaign",
          "window.end",
        ],
        [{ ...sale, window: { zone: "Nowhere/Land" } }, "invalid_campaign", "window.zone"],
        [{ ...sale, rate: { count: 0, interval: 1 } }, "invalid_campaign", "rate.count"],
        [{ ...sale, mode: "at-least-once" }, "invalid_campaign", "mode"],
        [{ ...sale, data: { f: () => 1 } }, "invalid_campaign", "data.f"],
        [{ ...sale, at: new Date() }, "invalid_campaign", "at"],
        [{ ...sale, surprise: 1 }, "invalid_campaign", "surprise"],
        [{ ...sale, by: "" }, "invalid_campaign", "by"],
      ];
      for (const [input, code, path] of refusals) {
        const error = await refusal(() => milepost.campaigns.create(input as never));
        assert.deepEqual([error.code, error.path], [code, path], JSON.stringify(input));
      }
      assert.deepEqual(await milepost.campaigns.list(), []);
      for (const name of ["pause", "resume", "cancel", "schedule"] as const) {
        assert.equal((await refusal(() => milepost.campaigns[name](one))).code, "not_found");
      }
      await milepost.campaigns.create(sale);
      const scheduled = await refusal(() => milepost.campaigns.schedule(one));
      assert.equal(scheduled.code, "act_refused");
      const unlaunched = await refusal(() => milepost.campaigns.launch(one));
      assert.deepEqual([unlaunched.code, unlaunched.path], ["invalid_campaign", "recipients"]);
    },
  },
];
