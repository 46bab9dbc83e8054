import assert from "node:assert/strict";
import { openLane } from "../delivery/lane.js";
import type { Announced } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { claimed, mark, refused, row, settlement } from "./notification-samples.js";
import { minute, start } from "./samples.js";

/** What is stored once, however often it is announced: what a recipient is told, templates and lanes. */
export function announceOnceCases(of: Announced): readonly ConformanceCase[] {
  const { about, noun } = of;
  return [
    {
      about,
      name: "one recipient of one channel and item is told once, the first time",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const recipientKey = "ada@example.com";
        const given = [
          of.notification({ id: "n1", recipientKey }),
          of.notification({ id: "n2", recipientKey, data: { second: true } }),
          of.notification({ id: "n3", recipientKey, itemKey: "invoice-1" }),
          of.notification({ id: "n4", recipientKey, channel: "sms" }),
          of.notification({ id: "n5", recipientKey, notifier: "another" }),
          of.notification({ id: "n6", recipientKey: "ADA@example.com" }),
        ];
        const input = of.announcement({ notifications: given });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 4 });
        const rows = await store.notifications.list({ tenant: "default", limit: 10 });
        assert.deepEqual(
          rows.map((each) => each.id),
          ["n1", "n3", "n4", "n6"],
        );
        assert.deepEqual(rows[0]?.data, { name: "Ada" });
      },
    },
    {
      about,
      name: `the same recipient of two ${noun}s, and of two tenants, is told of each`,
      async run({ store }) {
        const recipientKey = "ada@example.com";
        for (const [tenant, id, ntf] of [
          ["default", of.id, "n1"],
          ["default", "another", "n2"],
          ["other", of.id, "n1"],
        ] as const) {
          await of.arise(store, [{ tenant, id }]);
          await of.claim(store);
          const given = { id: ntf, tenant, recipientKey, source: of.source(id), data: { tenant } };
          const input = of.announcement({ tenant, id, notifications: [of.notification(given)] });
          assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 1 });
        }
        const ids = async (tenant: string) =>
          (await store.notifications.list({ tenant, limit: 10 })).map((each) => each.id);
        assert.deepEqual(await ids("default"), ["n1", "n2"]);
        assert.deepEqual(await ids("other"), ["n1"]);
        assert.deepEqual((await row(store, "n1", "other")).data, { tenant: "other" });
        assert.deepEqual(
          (await of.listed(store)).map((each) => each.notifications),
          [1, 1],
        );
      },
    },
    {
      about,
      name: `what a person redrove is not counted among the ${noun}'s notifications`,
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        await of.steps(store).announce(of.announcement({ notifications: [of.notification()], last: false }));
        const [lease] = await claimed(store);
        await store.notifications.mark({ marks: [mark(lease!)], lease: minute, now: start });
        await store.notifications.settle({ settlements: [settlement(lease!, refused)], now: start });
        await store.notifications.decide({
          tenant: "default",
          id: "ntf-1",
          act: "redrive",
          by: "ada",
          why: "asked",
          newId: "ntf-2",
          acceptDuplicate: false,
          margin: 0,
          now: start,
        });
        const input = of.announcement({ notifications: [of.notification()] });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 1 });
        assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 2);
      },
    },
    {
      about,
      name: "templates and lanes that are missing are added, and those that exist are left as they are",
      async run({ store }) {
        const pause = {
          tenant: "default",
          notifier: "smtp",
          paused: true,
          by: "ada",
          why: "outage",
          now: start,
        };
        await store.lanes.setPaused(pause);
        await of.arise(store);
        await of.claim(store);
        const templates = {
          "tpl-1": { text: "only text" },
          "tpl-2": { html: "<p>é\u{1f389}'\"\\</p>", subject: "" },
        };
        const given = ["smtp", "sms", "push"].map((notifier) =>
          of.notification({ id: notifier, notifier, template: notifier === "push" ? "tpl-2" : "tpl-1" }),
        );
        await of.steps(store).announce(of.announcement({ notifications: given, templates, last: false }));
        const other = { "tpl-1": { text: "other words under one hash" } };
        await of.steps(store).announce(of.announcement({ templates: other }));
        const lane = openLane("default", "smtp");
        assert.deepEqual(await store.lanes.list({ tenant: "default" }), [
          { ...lane, notifier: "push" },
          { ...lane, notifier: "sms" },
          { ...lane, notifier: "smtp", paused: true },
        ]);
        assert.deepEqual((await claimed(store, start, "sms"))[0]?.content, templates["tpl-1"]);
        assert.deepEqual((await claimed(store, start, "push"))[0]?.content, templates["tpl-2"]);
      },
    },
    {
      about,
      name: "a template's hash belongs to its tenant",
      async run({ store }) {
        for (const tenant of ["default", "other"]) {
          await of.arise(store, [{ tenant }]);
          await of.claim(store);
          const templates = { "tpl-1": { text: `for ${tenant}` } };
          await of
            .steps(store)
            .announce(of.announcement({ tenant, notifications: [of.notification({ tenant })], templates }));
        }
        const rows = await claimed(store);
        assert.deepEqual(rows.map((each) => [each.tenant, each.content.text]).sort(), [
          ["default", "for default"],
          ["other", "for other"],
        ]);
      },
    },
  ];
}
