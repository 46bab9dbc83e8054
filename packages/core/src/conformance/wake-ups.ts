import assert from "node:assert/strict";
import { MilepostError } from "../errors.js";
import type { Store } from "../store/store.js";
import { announcedCrossing, announcedNotice, evaluated } from "./announced-samples.js";
import type { ConformanceCase, OpenedStore } from "./case.js";
import { birth, event, record, restless } from "./counter-samples.js";
import { crossing } from "./crossing-samples.js";
import {
  decision,
  marked,
  noAnswer,
  notification,
  pause,
  queued,
  refused,
  settled,
  settlement,
} from "./notification-samples.js";
import { minute, start, twoStores } from "./samples.js";

const about = "wake-ups";
const requires = "wakeUps";

/** Somebody who listens and counts what is heard. */
interface Ear {
  readonly heard: number;
  /** Resolves when something more is heard than at the last call. */
  next(): Promise<void>;
  close(): Promise<void>;
}

/** Listens already when it answers; what was heard at the beginning is not counted. */
async function listening(store: Store): Promise<Ear> {
  let heard = 0;
  let taken = 0;
  let ring = () => {};
  const listener = store.listen({
    onWake() {
      heard++;
      ring();
    },
    onOutage(error) {
      throw error;
    },
  });
  const ear: Ear = {
    get heard() {
      return heard;
    },
    async next() {
      while (heard === taken) {
        await new Promise<void>((resolve) => {
          ring = resolve;
        });
      }
      taken = heard;
    },
    close: () => listener.close(),
  };
  await ear.next();
  heard = taken = 0;
  return ear;
}

/** What another store over the same data does, after what is done before, wakes who listens. */
function wakes(what: string, act: (store: Store) => Promise<unknown>, before?: (store: Store) => Promise<unknown>) {
  return {
    about,
    name: `who listens is woken by ${what}`,
    requires,
    async run(opened: OpenedStore) {
      const [here, there] = await twoStores(opened);
      await before?.(there);
      const ear = await listening(here);
      await act(there);
      await ear.next();
      await ear.close();
    },
  } satisfies ConformanceCase;
}

/** A step that makes no work for others wakes nobody: the resume after it is the first thing that is heard. */
function wakesNobody(
  what: string,
  act: (store: Store) => Promise<unknown>,
  before?: (store: Store) => Promise<unknown>,
) {
  return {
    about,
    name: `nobody is woken by ${what}`,
    requires,
    async run(opened: OpenedStore) {
      const [here, there] = await twoStores(opened);
      // closed, it has told what it may tell a little later
      const past = (await opened.reopen?.()) ?? there;
      await before?.(past);
      await past.close();
      const ear = await listening(here);
      await act(there);
      await pause(there, false);
      await ear.next();
      assert.equal(ear.heard, 1);
      await ear.close();
    },
  } satisfies ConformanceCase;
}

const dueEvent = (id: string) => event({ id, feeds: [birth({ ...restless, due: true })] });
const limit = { tenant: "default", metric: "email.delivered", subject: "acme" };

export const wakeUpCases: readonly ConformanceCase[] = [
  wakes("a crossing that is to be announced", (store) => announcedCrossing.arise(store)),
  wakes("a notice that is to be announced", (store) => announcedNotice.arise(store)),
  wakes("notifications that are queued", (store) => queued(store, [notification()])),
  wakes("a lane that is resumed", (store) => pause(store, false)),
  wakes("other limits of a lane", (store) =>
    store.lanes.limit({ tenant: "default", notifier: "smtp", quota: null, by: "ada", why: "asked", now: start }),
  ),
  wakes(
    "a person's resend",
    (store) => store.notifications.decide(decision("resend", { now: new Date(start.getTime() + 10 * minute) })),
    (store) => settled(store, noAnswer),
  ),
  wakes(
    "a person's redrive",
    (store) => store.notifications.decide(decision("redrive")),
    (store) => settled(store, refused),
  ),
  wakes("a counter that whoever records leaves due", (store) =>
    record(store, [dueEvent("evt-1")], start, { left: true }),
  ),
  wakes(
    "a counter that a limit makes due",
    async (store) => {
      const given = { ...limit, amount: 10, by: "ada", why: "asked" };
      const { version } = await store.limits.add({ ...given, effectiveFrom: start, now: start });
      const periods = [{ period: "lifetime", from: "lifetime" }];
      const told = await store.limits.apply({ ...limit, version, generation: 1, periods, now: start });
      assert.deepEqual(told, [{ period: "lifetime" }]);
    },
    (store) => record(store, [event()]),
  ),
  wakes(
    "a counter that stored levels make due",
    async (store) => {
      const owner = { tenant: "default", milestone: "emails-delivered", subject: "acme" };
      const { version } = await store.levels.add({ ...owner, levels: [5], by: "ada", why: "asked", now: start });
      const about = { metric: "email.delivered", period: "lifetime", limit: 10, now: start };
      assert.equal((await store.levels.apply({ ...owner, version, ...about })).counters.length, 1);
    },
    (store) => record(store, [event()]),
  ),

  wakesNobody(
    "an event in the quiet band",
    (store) => record(store, [event({ id: "evt-2" })], start, { left: true }),
    (store) => record(store, [event()]),
  ),
  wakesNobody("a counter that whoever records evaluates itself", (store) => record(store, [dueEvent("evt-1")])),
  wakesNobody("a crossing that was born in an end state", (store) =>
    evaluated(store, { id: "evt-1", crossings: [crossing({ state: "superseded" })] }),
  ),
  wakesNobody(
    "a claim, a mark and a settlement",
    async (store) => {
      const row = await marked(store);
      const settlements = [settlement(row)];
      assert.deepEqual(await store.notifications.settle({ settlements, now: start }), ["settled"]);
    },
    (store) => queued(store, [notification()]),
  ),
  wakesNobody("a lane that is paused", (store) => pause(store)),

  {
    about,
    name: "an announcement that adds nothing wakes nobody",
    requires,
    async run(opened) {
      const [here, there] = await twoStores(opened);
      await announcedCrossing.arise(there);
      const [claimed] = await there.crossings.claim({
        milestones: ["emails-delivered"],
        limit: 1,
        lease: minute,
        now: start,
      });
      const ear = await listening(here);
      const step = announcedCrossing.announcement({ fence: claimed!.fence });
      assert.equal((await there.crossings.announce(step)).result, "unaddressed");
      await pause(there, false);
      await ear.next();
      assert.equal(ear.heard, 1);
      await ear.close();
    },
  },
  {
    about,
    name: "what a wake-up tells of is there to be found",
    requires,
    async run(opened) {
      const [here, there] = await twoStores(opened);
      const ear = await listening(here);
      await announcedCrossing.arise(there);
      await ear.next();
      assert.deepEqual(await announcedCrossing.claim(here), ["cro-1"]);
      await ear.close();
    },
  },
  {
    about,
    name: "each of several listeners of one store is woken, and one that is closed hears nothing more",
    requires,
    async run({ store }) {
      const first = await listening(store);
      const second = await listening(store);
      await pause(store, false);
      await Promise.all([first.next(), second.next()]);
      await first.close();
      await first.close();
      const before = first.heard;
      await pause(store, false);
      await second.next();
      assert.equal(first.heard, before);
      await second.close();
      const third = await listening(store);
      await pause(store, false);
      await third.next();
      await third.close();
    },
  },
  {
    about,
    name: "a store that is closed wakes nobody any more",
    requires,
    async run(opened) {
      const [here, there] = await twoStores(opened);
      if (here === there) return;
      const ear = await listening(here);
      await here.close();
      await pause(there, false);
      const other = await listening(there);
      await pause(there, false);
      await other.next();
      assert.equal(ear.heard, 0);
      await other.close();
      await ear.close();
    },
  },
  {
    about,
    name: "supports.wakeUps says whether a store wakes who listens; where not, listening is refused",
    async run({ store }) {
      if (store.supports.wakeUps) return (await listening(store)).close();
      assert.throws(
        () => store.listen({ onWake() {}, onOutage() {} }),
        (error) => MilepostError.is(error) && error.code === "unsupported",
      );
    },
  },
];
