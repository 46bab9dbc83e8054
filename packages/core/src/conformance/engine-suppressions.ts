import assert from "node:assert/strict";
import type { NotificationEvent } from "../events.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, refusedTransient } from "../notifier/notifier.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, owner, putAcme, refusal, type SetupOptions, setUp } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: suppressions";
const person = { by: "ann", why: "a test" };
const olga = { address: "olga@acme.example", ...person };
const month = 30 * 24 * hour;
const toOlga = (fields: SetupOptions["milestone"] = {}): SetupOptions => ({
  milestone: { recipients: owner, ...fields },
});

export const engineSuppressionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "somebody whose address is forbidden is not told, the others are; it is counted and explained",
    async run({ store }) {
      const { milepost, notifier, clock } = setUp(store);
      await putAcme(milepost);
      const { suppression, stopped } = await milepost.suppressions.add({
        ...{ ...olga, address: "  OLGA@Acme.example ", reason: "hard_bounce", detail: "550 no such user\r\n" },
      });
      assert.deepEqual(
        [suppression, stopped],
        [
          {
            ...{ tenant: "default", recipientKey: "olga@acme.example", scope: "*", reason: "hard_bounce", by: "ann" },
            ...{ detail: "550 no such user ", at: clock.now() },
          },
          0,
        ],
      );
      await count(milepost, 1);
      const report = await milepost.runOnce();
      assert.deepEqual([report.notifications.sent, report.crossings.announced], [1, 1]);
      notifier.expectSent(1, { to: "max@acme.example" });
      assert.deepEqual((await milepost.reasons()).notifications, [{ reason: "suppressed", count: 1 }]);
      const [row] = await milepost.notifications.list({ states: ["suppressed"] });
      assert.deepEqual([row?.recipientKey, row?.detail, row?.attempts], ["olga@acme.example", "hard_bounce", 0]);
      const lines = (await milepost.explain({ notification: row!.id }))!.lines.join("\n");
      assert.match(
        lines,
        /to olga@acme\.example .*: suppressed at 2026-11-01T12:00:00\.000Z, suppressed, the address must not be written to \(hard_bounce\)\.$/m,
      );
    },
  },
  {
    about,
    name: "what waits is ended at once, and no call is made once add() has answered",
    async run({ store }) {
      const { milepost, notifier } = setUp(store, toOlga());
      await milepost.lanes.pause({ notifier: "memory", ...person });
      await count(milepost, 1);
      await milepost.runOnce();
      assert.equal((await milepost.suppressions.add({ ...olga, reason: "unsubscribed" })).stopped, 1);
      await milepost.lanes.resume({ notifier: "memory", ...person });
      await milepost.runOnce();
      assert.equal(notifier.calls.length, 0);
      const [row] = await milepost.notifications.list();
      assert.deepEqual([row?.state, row?.reason], ["suppressed", "unsubscribed"]);
      await milepost.suppressions.release(olga);
      await milepost.runOnce();
      assert.equal(notifier.calls.length, 0);
    },
  },
  {
    about,
    name: "a call under way is not stopped; what comes back of it is refused at its next mark, and an event tells",
    async run({ store }) {
      const told: NotificationEvent[] = [];
      const notifier = memoryNotifier({
        async answer() {
          assert.equal((await milepost.suppressions.add({ ...olga, reason: "complaint" })).stopped, 0);
          return refusedTransient("busy");
        },
      });
      const { milepost, clock } = setUp(store, { notifier, ...toOlga() });
      milepost.on("suppressed", (event) => told.push(event));
      await count(milepost, 1);
      await milepost.runOnce();
      clock.advance(hour);
      const report = await milepost.runOnce();
      assert.equal(report.notifications.suppressed, 1);
      const [row] = await milepost.notifications.list();
      assert.deepEqual([row?.state, row?.reason, row?.detail], ["suppressed", "suppressed", "complaint"]);
      assert.deepEqual(told, [{ tenant: "default", notification: row!.id, attempt: 1, reason: "suppressed" }]);
      assert.equal(notifier.calls.length, 1);
    },
  },
  {
    about,
    name: "an address that is forbidden in one scope is written to in another",
    async run({ store }) {
      const told = { recipients: owner, message: { text: "hello" } };
      const { milepost, notifier } = setUp(store, {
        ...toOlga({ scope: "news" }),
        more: [
          milestone({
            ...{ name: "bills", metric, policy: thresholds(1), ...told },
            scope: "bills",
            notifier: memoryNotifier({ name: "bills" }),
          }),
        ],
      });
      await milepost.suppressions.add({ ...olga, scope: "news", reason: "unsubscribed" });
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(0);
      const rows = await milepost.notifications.list();
      assert.deepEqual(rows.map(({ notifier: name, scope, state }) => [name, scope, state]).sort(), [
        ["bills", "bills", "sent"],
        ["memory", "news", "suppressed"],
      ]);
      assert.throws(() => milestone({ name: "m", metric, policy: thresholds(1), scope: "*" }), { path: "scope" });
    },
  },
  {
    about,
    name: "a milestone that needs consent tells those who gave it, and nobody else",
    async run({ store }) {
      const { milepost, notifier } = setUp(store, { milestone: { scope: "news", needsConsent: true } });
      await putAcme(milepost);
      const form = { ...olga, source: "the form of 1 May" };
      const given = await milepost.suppressions.consent({ ...form, scope: "news" });
      assert.deepEqual([given.granted, given.source, given.scope], [true, "the form of 1 May", "news"]);
      await milepost.suppressions.consent({ ...form, address: "max@acme.example", scope: "bills" });
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(1);
      notifier.expectSent(1, { to: "olga@acme.example" });
      assert.deepEqual((await milepost.reasons()).notifications, [{ reason: "no_consent", count: 1 }]);
      assert.equal((await milepost.suppressions.withdraw({ ...form, scope: "news" })).consent.granted, false);
      await count(milepost, 9, 2);
      await milepost.runOnce();
      notifier.expectSent(1);
      assert.deepEqual(
        (await milepost.suppressions.consents()).map(({ recipientKey, scope, granted }) => [
          recipientKey,
          scope,
          granted,
        ]),
        [
          ["max@acme.example", "bills", true],
          ["olga@acme.example", "news", false],
        ],
      );
    },
  },
  {
    about,
    name: "three soft bounces in a row, each within thirty days, forbid an address",
    async run({ store }) {
      const { milepost, clock } = setUp(store);
      const bounce = async () => {
        const { bounces, suppression } = await milepost.suppressions.bounced({ ...olga, detail: "452 mailbox full" });
        return [bounces, suppression?.reason ?? null];
      };
      assert.deepEqual(await bounce(), [1, null]);
      clock.advance(month + 1);
      assert.deepEqual(await bounce(), [1, null]);
      clock.advance(month);
      assert.deepEqual(await bounce(), [2, null]);
      assert.deepEqual(await milepost.suppressions.list(), []);
      assert.deepEqual(await bounce(), [3, "soft_bounces"]);
      const [only] = await milepost.suppressions.list({ address: "Olga@acme.example", reason: "soft_bounces" });
      assert.equal(only?.detail, "452 mailbox full");
      assert.equal(await milepost.suppressions.release(olga), true);
      assert.equal(await milepost.suppressions.release(olga), false);
      assert.deepEqual(await bounce(), [1, null]);
    },
  },
  {
    about,
    name: "a plan shows who would not be told, and why; nothing of it happens",
    async run({ store }) {
      const { milepost } = setUp(store, {
        more: [
          milestone({
            ...{ name: "news", metric, policy: thresholds(1), recipients: owner, needsConsent: true, scope: "news" },
            ...{ message: { text: "hello" }, notifier: memoryNotifier({ name: "news" }) },
          }),
        ],
      });
      await putAcme(milepost);
      await milepost.suppressions.add({ ...olga, reason: "hard_bounce" });
      await milepost.suppressions.add({ ...olga, scope: "other", reason: "complaint" });
      const planned = async () => {
        const plan = await milepost.plan([{ id: "e1", metric, subject: "acme" }]);
        return plan.crossings.flatMap(({ milestone: name, state, reason, notifications }) =>
          notifications.map((each) =>
            [name, state, reason, each.recipientKey, each.when, each.reason, each.detail].join(),
          ),
        );
      };
      assert.deepEqual((await planned()).sort(), [
        "emails-delivered,pending,,max@acme.example,now,,",
        "emails-delivered,pending,,olga@acme.example,never,suppressed,hard_bounce",
        "news,pending,,olga@acme.example,never,suppressed,hard_bounce",
      ]);
      await milepost.suppressions.release(olga);
      assert.equal((await planned()).includes("news,pending,,olga@acme.example,never,no_consent,"), true);
      await milepost.suppressions.consent({ ...olga, source: "a form" });
      assert.equal((await planned()).includes("news,pending,,olga@acme.example,now,,"), true);
      assert.deepEqual(await milepost.notifications.list(), []);
    },
  },
  {
    about,
    name: "what is said of an address is of one tenant, and is not forgotten with a subject: the address is not its alone",
    async run({ store }) {
      const { milepost, notifier } = setUp(store, toOlga());
      await milepost.suppressions.add({ ...olga, tenant: "other" });
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(1);
      await milepost.suppressions.add({ ...olga, scope: "news" });
      await milepost.suppressions.consent({ ...olga, source: "a form" });
      await milepost.forget({ subject: "acme", ...person });
      assert.deepEqual(
        [(await milepost.suppressions.list()).length, (await milepost.suppressions.consents()).length],
        [1, 1],
      );
      assert.equal((await milepost.suppressions.list({ tenant: "other" })).length, 1);
      const acts = await actsOf(store, {
        tenant: "default",
        entity: "recipient",
        entityId: "olga@acme.example",
      });
      assert.deepEqual(
        acts.map(({ act }) => act),
        ["suppress", "consent"],
      );
    },
  },
  {
    about,
    name: "addresses are listed page by page, and asked for in whatever form",
    async run({ store }) {
      const { milepost } = setUp(store);
      const addresses = [
        "Zoë@Bücher.example",
        "+49 170 1234567",
        "https://Hooks.example/A?b",
        `${"x".repeat(300)}@a.example`,
      ];
      for (const address of addresses) await milepost.suppressions.add({ ...olga, address });
      const first = await milepost.suppressions.list({ limit: 3 });
      const { recipientKey, scope } = first.at(-1)!;
      const rest = await milepost.suppressions.list({ limit: 3, after: { recipientKey, scope } });
      assert.deepEqual([first.length, rest.length], [3, 1]);
      for (const address of addresses) assert.equal((await milepost.suppressions.list({ address })).length, 1, address);
      assert.equal((await milepost.suppressions.list({ address: "zoë@xn--bcher-kva.example" })).length, 1);
      assert.equal((await milepost.suppressions.list({ address: "https://hooks.example/a?b" })).length, 0);
    },
  },
  {
    about,
    name: "what the other side said is kept on one short line, and never refused; what is no address or act is",
    async run({ store }) {
      const { milepost } = setUp(store, { notifier: memoryNotifier({ answer: () => accepted() }) });
      const { suppressions } = milepost;
      const detail = `550 <script>\0\r\n\ud800${"x".repeat(1_000_000)}`;
      const { suppression } = await suppressions.add({ ...olga, detail });
      assert.deepEqual([suppression.detail?.length, suppression.detail?.isWellFormed()], [500, true]);
      assert.match(suppression.detail!, /^550 <script> .x+$/u);
      const bare = "the bare address, with no name, angle brackets or mailto:";
      for (const address of ["Olga <olga@acme.example>", "mailto:olga@acme.example"]) {
        const given = { ...olga, address };
        const form = { ...given, source: "a form" };
        for (const step of [
          () => suppressions.add(given),
          () => suppressions.bounced(given),
          () => suppressions.release(given),
          () => suppressions.consent(form),
          () => suppressions.withdraw(form),
          () => suppressions.list({ address }),
          () => suppressions.consents({ address }),
        ]) {
          const { code, path, expected } = await refusal(step);
          assert.deepEqual([code, path, expected], ["invalid_options", "address", bare]);
        }
      }
      const wrong: readonly [() => Promise<unknown>, string][] = [
        [() => suppressions.add({ ...olga, address: " " }), "address"],
        [() => suppressions.add({ ...olga, address: "a@b\nBcc: c@d" }), "address"],
        [() => suppressions.add({ ...olga, reason: "annoyed" as never }), "reason"],
        [() => suppressions.add({ ...olga, scope: "" }), "scope"],
        [() => suppressions.add({ ...olga, by: "" }), "by"],
        [() => suppressions.bounced({ ...olga, scope: "news" } as never), "scope"],
        [() => suppressions.bounced({ ...olga, limit: 0 }), "limit"],
        [() => suppressions.bounced({ ...olga, within: 0.5 }), "within"],
        [() => suppressions.release({ ...olga, why: "" }), "why"],
        [() => suppressions.consent(olga as never), "source"],
        [() => suppressions.consent({ ...olga, source: "\0" }), "source"],
        [() => suppressions.withdraw({ ...olga, source: "" }), "source"],
        [() => suppressions.list({ limit: 0 }), "limit"],
        [() => suppressions.list({ after: { recipientKey: "a" } as never }), "after.scope"],
        [() => suppressions.consents({ reason: "manual" } as never), "reason"],
      ];
      for (const [step, path] of wrong) {
        const { code, path: at } = await refusal(step);
        assert.deepEqual([code, at], ["invalid_options", path]);
      }
      assert.equal((await suppressions.list()).length, 1);
      assert.deepEqual(await suppressions.consents(), []);
    },
  },
];
