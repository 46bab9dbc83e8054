import assert from "node:assert/strict";
import type { NewNotice } from "../milestone/notice.js";
import { evaluated, listedNotices, notice, storedNotice } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { counter, event, record, restless } from "./counter-samples.js";
import { about, crossed, crossing, due, evaluation, listed, stored } from "./crossing-samples.js";
import { assertOwnClock, at, max, start, twoStores } from "./samples.js";

/** What an evaluation stores beside its crossings, to be said later of them. */
export const crossingCommitNoticesCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a committed evaluation stores its notices with every field, also of crossings of its own",
    async run(opened) {
      const { store } = opened;
      await due(store);
      const notices = [
        notice({ crossing: "cro-1", number: max, value: -max, noticedAt: new Date(-1) }),
        notice({ id: "not-2", crossing: "cro-1", kind: "resolved", noticedAt: at(1) }),
      ];
      const input = { evaluations: [evaluation({ crossings: [crossing()], notices })], now: start };
      assert.deepEqual(await store.crossings.commitEvaluation(input), ["committed"]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(
        await listedNotices(other),
        notices.map((each) => storedNotice(each)),
      );
      assert.deepEqual(await listed(other), [stored(crossing())]);
    },
  },
  {
    about,
    name: "a notice whose crossing, kind and number exist is left as it is, and the rest is committed",
    async run({ store }) {
      await evaluated(store, { id: "first", notices: [notice({ crossing: "c" })] });
      const again = notice({ id: "again", crossing: "c", value: 5 });
      const others = [
        notice({ id: "not-2", crossing: "c", number: 2 }),
        notice({ id: "not-3", crossing: "c", kind: "resolved" }),
        notice({ id: "not-4", crossing: "another" }),
      ];
      await evaluated(store, {
        id: "second",
        notices: [again, ...others, notice({ id: "twice", crossing: "another" })],
      });
      assert.deepEqual(
        await listedNotices(store),
        [notice({ crossing: "c" }), ...others].map((each) => storedNotice(each)),
      );
      assert.deepEqual(await counter(store), { value: 2, rev: 2, due: false });
    },
  },
  {
    about,
    name: "the same notice in two tenants is two notices",
    async run({ store }) {
      await evaluated(store, { id: "e", notices: [notice({ crossing: "c" })] });
      const theirs = notice({ tenant: "other", crossing: "c", value: 5 });
      await evaluated(store, { id: "e", tenant: "other", notices: [theirs] });
      assert.deepEqual(await listedNotices(store), [storedNotice(notice({ crossing: "c" }))]);
      assert.deepEqual(await listedNotices(store, "other"), [storedNotice(theirs)]);
    },
  },
  {
    about,
    name: "a lost evaluation stores no notice, and a committed one beside it all of its own",
    async run({ store }) {
      for (const subject of ["late", "good"]) await due(store, subject, subject);
      const found = (subject: string, from: number) =>
        evaluation({ subject, from, upTo: 1, notices: [notice({ id: subject })] });
      const evaluations = [found("late", 1), found("good", 0), found("good", 0)];
      const answers = await store.crossings.commitEvaluation({ evaluations });
      assert.deepEqual(answers, ["lost", "committed", "lost"]);
      assert.deepEqual(
        (await listedNotices(store)).map(({ id }) => id),
        ["good"],
      );
    },
  },
  {
    about,
    name: "evaluators at once store each notice once",
    async run(opened) {
      const stores = await twoStores(opened);
      await crossed(opened.store, [crossing()]);
      for (let round = 0; round < 8; round++) {
        await record(opened.store, [event({ id: `e-${round}` })]);
        const span = { from: round + 1, upTo: round + 2, band: restless };
        const found = (n: number): NewNotice =>
          notice({ id: `${round}-${n}`, crossing: "cro-1", number: round + 1, value: n });
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) =>
            stores[n % 2]!.crossings.commitEvaluation({ evaluations: [evaluation({ ...span, notices: [found(n)] })] }),
          ),
        );
        const winner = answers.findIndex(([answer]) => answer === "committed");
        const [last] = (await listedNotices(opened.store)).slice(-1);
        assert.deepEqual([last?.id, last?.value], [`${round}-${winner}`, winner]);
      }
      assert.equal((await listedNotices(opened.store)).length, 8);
    },
  },
  {
    about,
    name: "an evaluation of 1,000 notices is one step",
    async run({ store }) {
      const notices = Array.from({ length: 1000 }, (_, i) =>
        notice({ id: `not-${String(i).padStart(4, "0")}`, crossing: "c", number: i + 1 }),
      );
      await evaluated(store, { id: "e", notices });
      assert.deepEqual(
        await listedNotices(store),
        notices.map((each) => storedNotice(each)),
      );
    },
  },
  {
    about,
    name: "without a given time the store's own clock says when a notice was stored",
    async run({ store }) {
      await assertOwnClock(async () => {
        await evaluated(store, { id: "e", notices: [notice()] }, null);
        return (await listedNotices(store))[0]!.createdAt;
      });
    },
  },
];
