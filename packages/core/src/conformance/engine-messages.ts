import assert from "node:assert/strict";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, setUp } from "./engine-setup.js";

const about = "engine: messages";

const three: RecipientResolver = {
  resolve: async () => ["ann", "bob", "cem"].map((name) => ({ address: `${name}@acme.example`, name })),
};

export const engineMessageCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a message that is too large to be rendered fails alone, with a reason, and is planned as never",
    async run({ store }) {
      const notifier = memoryNotifier();
      const message = {
        text: "{{#a}}{{#a}}{{#a}}{{recipient.name}} was here, or was she?{{/a}}{{/a}}{{/a}}",
        data: (_: unknown, { name }: { readonly name?: string }) => ({
          a: Array.from({ length: name === "bob" ? 30 : 1 }, () => true),
        }),
      };
      const { milepost } = setUp(store, { notifier, milestone: { recipients: three, message } });
      const plan = await milepost.plan([{ id: "e1", metric, subject: "acme" }]);
      const planned = plan.crossings[0]?.notifications.map(({ when, text }) => [when, text === null]);
      assert.deepEqual(planned, [
        ["now", false],
        ["never", true],
        ["now", false],
      ]);
      await count(milepost, 1);
      const { notifications } = await milepost.runOnce();
      assert.deepEqual([notifications.sent, notifications.failed], [2, 1]);
      const [failed] = await milepost.notifications.list({ states: ["failed"] });
      assert.deepEqual([failed?.recipient.name, failed?.reason, failed?.attempts], ["bob", "render_failed", 0]);
    },
  },
  {
    about,
    name: "html of a field that safeHtml names is merged as it is, also by a worker that has only the stored template",
    async run({ store }) {
      const notifier = memoryNotifier();
      const body = "<b>Well done</b>";
      const message = { html: "{{{body}}}{{recipient.name}}", safeHtml: ["body"], data: () => ({ body }) };
      const recipients = { resolve: async () => [{ address: "eve@acme.example", name: "<script>" }] };
      const { milepost, clock } = setUp(store, { notifier, milestone: { recipients, message } });
      await milepost.lanes.pause({ notifier: "memory", by: "test", why: "to be sent by another" });
      await count(milepost, 1);
      await milepost.runOnce();
      const later = setUp(store, { notifier, clock, milestone: { recipients, message: { html: "other" } } });
      await later.milepost.lanes.resume({ notifier: "memory", by: "test", why: "go on" });
      await later.milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ html }) => html),
        ["<b>Well done</b>&lt;script&gt;"],
      );
    },
  },
];
