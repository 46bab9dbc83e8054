import assert from "node:assert/strict";
import { call, context, message, type NotifierCase, type OpenedNotifier, soon } from "./notifier-case.js";

const about = "notifier: conduct";

/** Every outcome that the other side can bring about, one after the other. */
async function everyOutcome({ notifier, otherSide, address }: OpenedNotifier) {
  const all = [];
  for (const [i, behaviour] of otherSide.plays.filter((each) => each !== "hold").entries()) {
    await otherSide.play(behaviour);
    const at = context({ notification: `ntf-${i}` });
    all.push({ behaviour, ...(await call(notifier, message(address, "secretive"), at)) });
  }
  return all;
}

export const notifierConductCases: readonly NotifierCase[] = [
  {
    about,
    name: "it says its name, its channel and its mode, and how long a key is honoured exactly where it is idempotent",
    async run({ notifier }) {
      assert.ok(typeof notifier.name === "string" && notifier.name !== "");
      assert.ok(typeof notifier.channel === "string" && notifier.channel !== "");
      assert.ok(["at-most-once", "at-least-once", "idempotent"].includes(notifier.mode), notifier.mode);
      assert.equal(notifier.keyLifetime !== undefined, notifier.mode === "idempotent");
    },
  },
  {
    about,
    name: "a call whose signal aborts ends then, and claims no definite outcome",
    requires: "hold",
    async run({ notifier, otherSide, address }) {
      await otherSide.play("hold");
      const deadline = new AbortController();
      const calling = call(notifier, message(address), context({ signal: deadline.signal }));
      await soon("the message arrives", otherSide.received(1));
      deadline.abort(new Error("no answer within 30000 ms"));
      const { outcome } = await calling;
      assert.equal(outcome.kind, "ambiguous", "the other side has the message and may have taken it");
    },
  },
  {
    about,
    name: "an answer that comes after the end of its call disturbs nobody",
    requires: "hold",
    async run({ notifier, otherSide, address }) {
      await otherSide.play("hold");
      const deadline = new AbortController();
      const calling = call(notifier, message(address), context({ signal: deadline.signal }));
      await soon("the message arrives", otherSide.received(1));
      deadline.abort(new Error("no answer within 30000 ms"));
      await calling;
      await otherSide.release!();
      await otherSide.play("accept");
      const { outcome } = await call(notifier, message(address), context({ notification: "ntf-2" }));
      assert.equal(outcome.kind, "accepted", JSON.stringify(outcome));
    },
  },
  {
    about,
    name: "a call whose signal has aborted already ends at once, and is not accepted",
    requires: "hold",
    async run({ notifier, otherSide, address }) {
      await otherSide.play("hold");
      const { outcome } = await call(notifier, message(address), context({ signal: AbortSignal.abort() }));
      assert.notEqual(outcome.kind, "accepted");
    },
  },
  {
    about,
    name: "all attempts carry one key, and every notification has its own",
    requires: "accept",
    async run({ notifier, otherSide, address }) {
      for (const [notification, attempt] of [
        ["ntf-1", 1],
        ["ntf-1", 2],
        ["ntf-1", 3],
        ["ntf-2", 1],
      ] as const) {
        await call(notifier, message(address), context({ notification, attempt }));
      }
      const keys = (await soon("four messages arrive", otherSide.received(4))).map(({ key }) => key);
      if (notifier.mode === "idempotent")
        assert.ok(!keys.includes(null), "mode idempotent: the other side gets the key");
      if (keys.every((key) => key === null)) return;
      assert.equal(new Set(keys.slice(0, 3)).size, 1);
      assert.notEqual(keys[3], keys[0]);
    },
  },
  {
    about,
    name: "an attempt is what the one before was: in mode idempotent its content does not change by a byte",
    requires: "accept",
    async run({ notifier, otherSide, address }) {
      for (const attempt of [1, 2]) await call(notifier, message(address), context({ attempt }));
      const [first, second] = await soon("two messages arrive", otherSide.received(2));
      if (notifier.mode === "idempotent") assert.equal(second!.content, first!.content);
    },
  },
  {
    about,
    name: "the message it is given is not changed",
    async run(opened) {
      // the messages of the cases are frozen: whoever writes to one throws, which is ambiguous
      const given = message(opened.address);
      const copy = structuredClone(given);
      const { outcome } = await call(opened.notifier, given, context());
      assert.deepEqual(given, copy);
      assert.equal(outcome.kind, "accepted", JSON.stringify(outcome));
    },
  },
  {
    about,
    name: "calls at once each give their own message, once",
    requires: "accept",
    async run({ notifier, otherSide, address }) {
      const words = Array.from({ length: 20 }, (_, i) => `word${i}x`);
      const called = await Promise.all(
        words.map((word, i) => call(notifier, message(address, word), context({ notification: `ntf-${i}` }))),
      );
      assert.deepEqual(
        called.map(({ outcome }) => outcome.kind),
        words.map(() => "accepted"),
      );
      const received = await soon("all messages arrive", otherSide.received(words.length));
      assert.equal(received.length, words.length);
      for (const word of words) {
        assert.equal(received.filter(({ content }) => content.includes(`text-${word}`)).length, 1, word);
      }
    },
  },
  {
    about,
    name: "nothing it tells holds a secret, an address or words of the message",
    async run(opened) {
      const { address, secrets = [] } = opened;
      for (const { behaviour, told } of await everyOutcome(opened)) {
        for (const hidden of [...secrets, address, "secretive"]) {
          // not with the text itself: what a test prints is a log too
          assert.ok(!told.includes(hidden), `after ${behaviour} it told something that must stay hidden`);
        }
      }
    },
  },
  {
    about,
    name: "it can be closed twice after its calls",
    async run(opened) {
      const { notifier } = opened;
      if (notifier.close === undefined) return;
      await everyOutcome(opened);
      await soon("close() ends", notifier.close());
      await soon("close() ends", notifier.close());
    },
  },
  {
    about,
    name: "it can be closed unused",
    async run({ notifier }) {
      if (notifier.close !== undefined) await soon("close() ends", notifier.close());
    },
  },
];
