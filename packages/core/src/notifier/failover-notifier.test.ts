import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { context, message } from "../conformance/notifier-case.js";
import {
  accepted,
  ambiguous,
  createMilepost,
  type MemoryNotifier,
  memoryNotifier,
  memoryStore,
  type Outcome,
  refusedPermanent,
  refusedTransient,
  unavailable,
} from "../index.js";
import { type FailoverNotifierOptions, failoverNotifier } from "./failover-notifier.js";
import type { DeliveryMode, Notifier, NotifierHealth } from "./notifier.js";

interface Played extends MemoryNotifier {
  /** What it answers from now on. */
  say(outcome: Outcome | (() => Promise<Outcome>)): void;
}

function provider(name: string, first: Outcome = accepted(`${name}-1`), mode: DeliveryMode = "at-most-once"): Played {
  let said: Outcome | (() => Promise<Outcome>) = first;
  const keyLifetime = mode === "idempotent" ? { keyLifetime: 1_000 } : {};
  const answer = async () => (typeof said === "function" ? said() : said);
  const notifier = memoryNotifier({ name, mode, ...keyLifetime, answer });
  return Object.assign(notifier, {
    say(outcome: typeof said) {
      said = outcome;
    },
  });
}

/** With a clock that moves when it is told to. */
function failover(notifiers: readonly Notifier[], options: Partial<FailoverNotifierOptions> = {}) {
  let time = 0;
  const told: NotifierHealth[] = [];
  const notifier = failoverNotifier({
    name: "either",
    notifiers,
    circuit: { failures: 3, restFor: 1_000 },
    onChange: (health) => told.push(health),
    runtime: { monotonic: () => time, now: () => new Date(time) },
    ...options,
  });
  const send = async () => (await notifier.send(message("olga@acme.example"), context())) as Outcome;
  const pass = (milliseconds: number) => {
    time += milliseconds;
  };
  return { notifier, send, pass, told };
}

const busy = refusedTransient("busy");

describe("failoverNotifier()", () => {
  it("asks the first, and says in the receipt who took it", async () => {
    const [a, b] = [provider("a"), provider("b", accepted())];
    const { send } = failover([a, b]);
    expect(await send()).toEqual(accepted("a: a-1"));
    a.say(busy);
    expect(await send()).toEqual(accepted("b"));
    expect([a.calls.length, b.calls.length]).toEqual([2, 1]);
  });

  it("asks the next only after a refusal for now: not after a permanent one, an ambiguous outcome or a throw", async () => {
    for (const [said, expected] of [
      [refusedPermanent("no"), refusedPermanent("a: no")],
      [ambiguous("lost"), ambiguous("a: lost")],
      [async () => Promise.reject(new Error("canary")), ambiguous("a: its notifier failed")],
      [async () => ({ kind: "queued" }) as never, ambiguous("a: the notifier returned something that is no outcome")],
    ] as const) {
      const [a, b] = [provider("a"), provider("b")];
      a.say(said);
      expect(await failover([a, b]).send()).toEqual(expected);
      expect(b.calls).toHaveLength(0);
    }
  });

  it("is refused for now where all of them refuse for now, until the first of them may be asked again", async () => {
    const both = (first: Outcome, second: Outcome) => failover([provider("a", first), provider("b", second)]).send();
    expect(await both(busy, busy)).toEqual(refusedTransient("a: busy; b: busy"));
    expect(await both(refusedTransient("x", 9_000), refusedTransient("y", 4_000))).toEqual(
      refusedTransient("a: x; b: y", 4_000),
    );
    expect(await both(refusedTransient("x", 9_000), busy)).toEqual(refusedTransient("a: x; b: busy"));
  });

  it("is unavailable where none of them would take another message either", async () => {
    const both = (first: Outcome, second: Outcome) => failover([provider("a", first), provider("b", second)]).send();
    expect(await both(unavailable("down"), unavailable("down", 9_000))).toEqual(unavailable("a: down; b: down"));
    expect(await both(unavailable("down"), busy)).toEqual(refusedTransient("a: down; b: busy"));
    expect(await both(unavailable("down"), accepted())).toEqual(accepted("b"));
  });

  it("gives every one of them the same key, and a message of its own", async () => {
    const spoiling: Notifier = {
      name: "a",
      channel: "email",
      mode: "at-most-once",
      async send(given) {
        (given as { text: string }).text = "spoiled";
        (given.to as { address: string }).address = "spoiled";
        return busy;
      },
    };
    const b = provider("b");
    await failover([spoiling, b]).send();
    expect(b.calls[0]?.message).toEqual(message("olga@acme.example"));
    expect(b.calls[0]?.context.idempotencyKey).toBe("ntf-1");
  });

  it("asks nobody once the call was given up", async () => {
    const [a, b] = [provider("a"), provider("b")];
    const { notifier } = failover([a, b]);
    const stop = new AbortController();
    a.say(async () => {
      stop.abort();
      return busy;
    });
    const outcome = await notifier.send(message("olga@acme.example"), context({ signal: stop.signal }));
    expect(outcome).toEqual(refusedTransient("a: busy; b: not called, the call was given up"));
    expect(b.calls).toHaveLength(0);
  });

  it("never calls a second one after one that may have taken the message, whatever they answer", async () => {
    const outcomes = [accepted(), busy, refusedTransient("later", 500), refusedPermanent("no"), ambiguous("?")];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ a: fc.nat(4), b: fc.nat(4), c: fc.nat(4), wait: fc.integer({ min: 0, max: 1_500 }) }), {
          minLength: 1,
          maxLength: 40,
        }),
        async (steps) => {
          const all = [provider("a"), provider("b"), provider("c")] as const;
          const { send, pass } = failover(all);
          for (const step of steps) {
            pass(step.wait);
            const said = [step.a, step.b, step.c].map((i) => outcomes[i]!);
            all.forEach((each, i) => {
              each.clear();
              each.say(said[i]!);
            });
            const outcome = await send();
            const called = said.filter((_, i) => all[i]!.calls.length === 1);
            expect(all.every(({ calls }) => calls.length <= 1)).toBe(true);
            expect(called.slice(0, -1).every(({ kind }) => kind === "refusedTransient")).toBe(true);
            expect(outcome.kind).toBe(called.at(-1)?.kind ?? "refusedTransient");
            // with nobody called somebody says when
            if (called.length === 0) expect(outcome).toMatchObject({ retryAfter: expect.any(Number) });
          }
        },
      ),
    );
  });
});

describe("its circuit", () => {
  it("leaves one alone after failures in a row, and tells so; then one call tries it", async () => {
    const [a, b] = [provider("a", busy), provider("b")];
    const { send, pass, told } = failover([a, b]);
    for (let i = 0; i < 5; i++) expect((await send()).kind).toBe("accepted");
    expect(a.calls).toHaveLength(3);
    const why = "3 calls in a row were refused for now or not answered";
    expect(told).toEqual([{ state: "degraded", member: "a", since: new Date(0), why }]);

    pass(1_000);
    await send(); // the probe fails
    await send();
    expect(a.calls).toHaveLength(4);
    pass(1_000);
    a.say(accepted());
    expect(await send()).toEqual(accepted("a"));
    expect(told.slice(1)).toEqual([{ state: "recovered", member: "a", since: new Date(0), why: "it took a call" }]);
    expect(await send()).toEqual(accepted("a"));
  });

  it("counts what has no definite answer, and not what is refused for good", async () => {
    const [a, b] = [provider("a", ambiguous("?")), provider("b")];
    const { send } = failover([a, b]);
    for (let i = 0; i < 3; i++) expect((await send()).kind).toBe("ambiguous");
    expect((await send()).kind).toBe("accepted");

    const c = provider("c", refusedPermanent("no"));
    const other = failover([c, provider("d")]);
    for (let i = 0; i < 9; i++) expect((await other.send()).kind).toBe("refusedPermanent");
    expect(c.calls).toHaveLength(9);
  });

  it("counts failures in a row: a success between them begins anew", async () => {
    const a = provider("a");
    const { send, told } = failover([a, provider("b")]);
    for (const outcome of [busy, busy, accepted(), busy, busy, refusedPermanent("no"), busy, busy]) {
      a.say(outcome);
      await send();
    }
    expect(told).toEqual([]);
  });

  it("with all of them open nobody is called, and the next probe is when it may be tried again", async () => {
    const [a, b] = [provider("a", busy), provider("b", busy)];
    const { send, pass } = failover([a, b]);
    for (let i = 0; i < 3; i++) await send();
    pass(400);
    const left = "not called, left alone for now";
    expect(await send()).toEqual(unavailable(`a: ${left}; b: ${left}`, 600));
    expect([a.calls.length, b.calls.length]).toEqual([3, 3]);
  });

  it("rests for as long as the other side asked", async () => {
    const a = provider("a", refusedTransient("busy", 60_000));
    const { send, pass } = failover([a, provider("b")]);
    for (let i = 0; i < 3; i++) await send();
    pass(59_999);
    await send();
    expect(a.calls).toHaveLength(3);
    pass(1);
    await send();
    expect(a.calls).toHaveLength(4);
  });

  it("lets one probe out at a time, and another one if it never comes back", async () => {
    const [a, b] = [provider("a", busy), provider("b")];
    const { send, pass } = failover([a, b]);
    for (let i = 0; i < 3; i++) await send();
    pass(1_000);
    let late: (outcome: Outcome) => void = () => {};
    a.say(() => new Promise((resolve) => (late = resolve)));
    const probe = send();
    await send();
    expect(a.calls).toHaveLength(4);
    pass(1_000);
    a.say(busy);
    await send(); // another probe, which fails
    expect(a.calls).toHaveLength(5);
    late(accepted());
    expect((await probe).kind).toBe("accepted");
    // what the lost probe came to says nothing of now
    await send();
    expect(a.calls).toHaveLength(5);
  });

  it("a listener that throws changes nothing", async () => {
    const onChange = () => {
      throw new Error("listener");
    };
    const { send } = failover([provider("a", busy), provider("b")], { onChange });
    for (let i = 0; i < 4; i++) expect((await send()).kind).toBe("accepted");
  });

  it("is told of by the engine, with the notifier's name and channel", async () => {
    const { notifier, send, pass } = failover([provider("a", busy), provider("b")], { name: "mail" });
    const milepost = createMilepost({ store: memoryStore(), notifiers: [notifier], onUnknownMetric: "count" });
    const heard: unknown[] = [];
    milepost.on("degraded", (event) => heard.push(["degraded", event]));
    milepost.on("recovered", (event) => heard.push(["recovered", event]));
    for (let i = 0; i < 3; i++) await send();
    const base = { notifier: "mail", member: "a", channel: "email", since: new Date(0) };
    expect(heard).toEqual([["degraded", { ...base, why: expect.any(String) }]]);
    await milepost.close();
    pass(1_000);
    await send();
    expect(heard).toHaveLength(1);
  });
});

describe("its mode", () => {
  const mode = (modes: readonly DeliveryMode[], options: Partial<FailoverNotifierOptions> = {}) =>
    failover(
      modes.map((each, i) => provider(`p${i}`, accepted(), each)),
      options,
    ).notifier;

  it("is at-least-once only where all of them are: a key is known to one provider, so nothing is idempotent over two", () => {
    expect(mode(["at-least-once", "at-least-once"]).mode).toBe("at-least-once");
    for (const modes of [
      ["at-most-once", "at-most-once"],
      ["idempotent", "idempotent"],
      ["idempotent", "at-least-once"],
      ["at-least-once", "at-most-once"],
    ] as const) {
      expect(mode(modes)).toMatchObject({ mode: "at-most-once", name: "either", channel: "email" });
      expect(mode(modes).keyLifetime).toBeUndefined();
    }
    expect(mode(["at-least-once", "at-least-once"], { mode: "at-most-once" }).mode).toBe("at-most-once");
  });

  it.each([
    ["mode", { mode: "idempotent" }],
    ["mode", { mode: "at-least-once" }],
    ["notifiers", { notifiers: [provider("a")] }],
    ["notifiers", { notifiers: [provider("a"), provider("a")] }],
    ["notifiers", { notifiers: [provider("a"), memoryNotifier({ name: "b", channel: "sms" })] }],
    ["notifiers[1]", { notifiers: [provider("a"), {}] }],
    ["circuit.failures", { circuit: { failures: 0 } }],
    ["circuit.restFor", { circuit: { restFor: 1.5 } }],
    ["name", { name: "" }],
    ["fallback", { fallback: true }],
  ])("and its options are refused by the path %s", (path, options) => {
    const [a, b] = [provider("a"), provider("b", accepted(), "idempotent")];
    const given = { name: "either", notifiers: [a, b], ...options } as never;
    expect(() => failoverNotifier(given)).toThrow(expect.objectContaining({ code: "invalid_options", path }));
  });

  it("close() closes each of them once", async () => {
    let closed = 0;
    const close = async () => {
      closed += 1;
    };
    const { notifier } = failover([
      { ...provider("a"), close },
      { ...provider("b"), close },
    ]);
    await Promise.all([notifier.close!(), notifier.close!()]);
    expect(closed).toBe(2);
  });
});
