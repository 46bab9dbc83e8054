import assert from "node:assert/strict";
import { type Behaviour, behaviours, call, context, message, type NotifierCase, soon } from "./notifier-case.js";

const about = "notifier: outcomes";

/** What each behaviour must be told as. */
const outcomes: Readonly<Record<Exclude<Behaviour, "hold">, string>> = {
  accept: "accepted",
  refuseForNow: "refusedTransient",
  refuseForGood: "refusedPermanent",
  loseBefore: "refusedTransient",
  loseAfter: "ambiguous",
};

const sentences: Readonly<Record<Exclude<Behaviour, "hold">, string>> = {
  accept: "a message that was taken is accepted",
  refuseForNow: "a message that is refused for now is refusedTransient",
  refuseForGood: "a message that is refused for good is refusedPermanent",
  loseBefore: "an other side that is gone before it was given the message is refusedTransient, and has nothing",
  loseAfter: "an other side that took the message and went away without an answer is ambiguous",
};

export const notifierOutcomeCases: readonly NotifierCase[] = [
  ...behaviours
    .filter((behaviour) => behaviour !== "hold")
    .map(
      (behaviour): NotifierCase => ({
        about,
        name: sentences[behaviour],
        requires: behaviour,
        async run({ notifier, otherSide, address }) {
          await otherSide.play(behaviour);
          const { outcome } = await call(notifier, message(address), context());
          assert.equal(outcome.kind, outcomes[behaviour], JSON.stringify(outcome));
          if (behaviour === "loseBefore") assert.deepEqual(await otherSide.received(0), []);
          if (behaviour === "loseAfter" || behaviour === "accept") {
            const received = await soon("the message arrives", otherSide.received(1));
            assert.equal(received.length, 1, "one call gives the message once");
          }
        },
      }),
    ),
  {
    about,
    name: "what was taken arrives with the words of the message",
    requires: "accept",
    async run({ notifier, otherSide, address }) {
      await call(notifier, message(address, "lighthouse"), context());
      const [received] = await soon("the message arrives", otherSide.received(1));
      assert.match(received!.content, /text-lighthouse/);
    },
  },
  {
    about,
    name: "an outcome is about its own call: a refusal and a loss before leave the next call alone",
    requires: "accept",
    async run({ notifier, otherSide, address }) {
      const before = (["refuseForNow", "loseBefore", "loseAfter"] as const).filter((each) =>
        otherSide.plays.includes(each),
      );
      for (const [i, behaviour] of before.entries()) {
        await otherSide.play(behaviour);
        await call(notifier, message(address), context({ notification: `ntf-${i}` }));
      }
      await otherSide.play("accept");
      const { outcome } = await call(notifier, message(address), context({ notification: "ntf-last" }));
      assert.equal(outcome.kind, "accepted", JSON.stringify(outcome));
    },
  },
  {
    about,
    name: "an acceptance that comes late, but within the call, is accepted",
    requires: "hold",
    async run({ notifier, otherSide, address }) {
      await otherSide.play("hold");
      const calling = call(notifier, message(address), context());
      await soon("the message arrives", otherSide.received(1));
      await otherSide.release!();
      assert.equal((await calling).outcome.kind, "accepted");
    },
  },
];
