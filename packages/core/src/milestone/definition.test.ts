import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InstalledDefinition } from "../store/definition-repository.js";
import { bandsSince, ignoredCode, type MetricCode, missingCode, nextDefinition } from "./definition.js";
import { milestone } from "./milestone.js";
import { percentOfLimit } from "./policies/percent-of-limit.js";
import { thresholds } from "./policies/thresholds.js";
import { thresholdsOf } from "./policies/thresholds-of.js";
import type { MilestonePolicy } from "./policy.js";

const metric = "email.delivered";
const named = (name: string, ...values: number[]) => milestone({ name, metric, policy: thresholds(...values) });
const code = (more: Partial<MetricCode> = {}): MetricCode => {
  return { metric, options: {}, milestones: [], removed: [], ...more };
};
const now = new Date("2026-11-01T12:00:00Z");
const deployed = { now, bringBack: false };
const rollback = { now, bringBack: true };
const installed = (...codes: readonly MetricCode[]): InstalledDefinition =>
  codes.reduce<InstalledDefinition | undefined>((stored, each) => nextDefinition(stored, each, deployed), undefined)!;
const names = ({ milestones }: InstalledDefinition) => milestones.map(({ name }) => name);

describe("nextDefinition", () => {
  it("installs what is new as generation 1, with the band in which none of it is passed", () => {
    expect(installed(code({ milestones: [named("b", 10, 20), named("a", 5)] }))).toMatchObject({
      generation: 1,
      adopted: 1,
      births: [{ period: "lifetime", below: null, above: 5, due: false }],
      milestones: [
        { name: "a", added: 1, changed: 1 },
        { name: "b", added: 1, changed: 1 },
      ],
    });
  });

  it("lets every new counter be evaluated once whose levels may be its own", () => {
    const contextual: MilestonePolicy = { key: "host", contextual: true, levels: () => [] };
    for (const policy of [contextual, percentOfLimit(50), thresholdsOf({ default: [10] })]) {
      const { births } = installed(code({ milestones: [milestone({ name: "a", metric, policy })] }));
      expect(births).toEqual([{ period: "lifetime", below: null, above: null, due: true }]);
    }
  });

  it("is the stored one itself when the code adds nothing to it", () => {
    const stored = installed(code({ milestones: [named("a", 5), named("b", 9)] }));
    expect(nextDefinition(stored, code({ milestones: [named("b", 9)] }), deployed)).toBe(stored);
    expect(nextDefinition(stored, code({ removed: ["never-there"] }), deployed)).toBe(stored);
  });

  it("adds a milestone beside those of other deployments, and narrows the band new counters are born with", () => {
    const next = installed(code({ milestones: [named("a", 50)] }), code({ milestones: [named("b", 9)] }));
    expect(next).toMatchObject({
      generation: 2,
      adopted: 1,
      births: [{ above: 9 }],
      milestones: [
        { name: "a", added: 1, changed: 1 },
        { name: "b", added: 2, changed: 2 },
      ],
    });
    expect(bandsSince(next)).toBe(2);
  });

  it("edits a milestone, and does not let the code before the edit bring it back", () => {
    const [before, after] = [code({ milestones: [named("a", 50)] }), code({ milestones: [named("a", 40)] })];
    const edited = installed(before, after);
    expect(edited).toMatchObject({ generation: 2, milestones: [{ name: "a", added: 1, changed: 2 }] });
    expect(nextDefinition(edited, before, deployed)).toBe(edited);
    const rolledBack = nextDefinition(edited, before, rollback);
    expect(rolledBack).toMatchObject({
      generation: 3,
      milestones: [{ added: 1, changed: 3 }],
      births: [{ above: 50 }],
    });
    expect(nextDefinition(rolledBack, after, deployed)).toBe(rolledBack);
  });

  it("removes a milestone by its name, for good unless it is brought back", () => {
    const before = code({ milestones: [named("a", 50), named("b", 9)] });
    const removed = installed(before, code({ milestones: [named("b", 9)], removed: ["a"] }));
    expect(removed).toMatchObject({ generation: 2, removed: ["a"], births: [{ above: 9 }] });
    expect(names(removed)).toEqual(["b"]);
    expect(nextDefinition(removed, before, deployed)).toBe(removed);
    const back = nextDefinition(removed, before, rollback);
    expect(back).toMatchObject({
      removed: [],
      milestones: [
        { name: "a", added: 3, changed: 3 },
        { name: "b", added: 1 },
      ],
    });
  });

  it("keeps the settings that a process does not mention", () => {
    const said = installed(code({ options: { decrements: true, retain: "events", eventRetention: 5_000 } }), code());
    expect(said).toMatchObject({ generation: 1, decrements: true, retain: "events", eventRetention: 5_000 });
    const before = installed(code(), code({ options: { decrements: true } }));
    expect(before).toMatchObject({ generation: 2, decrements: true, retain: "ids", eventRetention: null });
    expect(bandsSince(before)).toBe(0);
  });

  it("makes a gauge of a metric that is declared one later, and does not let code before that take it back", () => {
    const [before, after] = [code({ options: { gauge: false } }), code({ options: { gauge: true } })];
    const gauge = installed(code(), after);
    expect(gauge).toMatchObject({ generation: 2, gauge: true });
    expect(nextDefinition(gauge, code(), deployed)).toBe(gauge);
    expect(nextDefinition(gauge, before, deployed)).toBe(gauge);
    expect(ignoredCode(gauge, before)).toEqual(["gauge"]);
    expect(nextDefinition(gauge, before, rollback)).toMatchObject({ generation: 3, gauge: false });
  });

  it("does not let old code bring back a setting that was replaced", () => {
    const month = code({ options: { eventRetention: 30 } });
    const longer = installed(month, code({ options: { eventRetention: 60 } }));
    expect(longer.eventRetention).toBe(60);
    expect(nextDefinition(longer, month, deployed)).toBe(longer);
  });

  it("remembers what a shorter retention has forgotten when it becomes longer, or is lifted", () => {
    const days = (count: number | null) => code({ options: { eventRetention: count && count * 86_400_000 } });
    const ago = (count: number) => new Date(now.getTime() - count * 86_400_000);
    expect(installed(days(3)).rememberedSince).toBe(null);
    expect(installed(days(3), days(7)).rememberedSince).toEqual(ago(3));
    expect(installed(days(3), days(null))).toMatchObject({ eventRetention: null, rememberedSince: ago(3) });
    expect(installed(days(3), days(7), days(9)).rememberedSince).toEqual(ago(3));
  });

  it("comes to rest whatever deployments start in whatever order, each as often as it likes", () => {
    const deployment = fc.record({
      values: fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), fc.integer({ min: 1, max: 3 })),
      removed: fc.subarray(["d", "e"]),
      retention: fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }),
    });
    const scenario = fc.record({
      deployments: fc.array(deployment, { minLength: 1, maxLength: 5 }),
      starts: fc.array(fc.nat(4), { minLength: 1, maxLength: 30 }),
    });
    fc.assert(
      fc.property(scenario, ({ deployments, starts }) => {
        const codes = deployments.map(({ values, removed, retention }) =>
          code({
            milestones: Object.entries(values).map(([name, value]) => named(name, value)),
            removed,
            options: retention === undefined ? {} : { eventRetention: retention },
          }),
        );
        let stored = installed(...codes, ...starts.map((start) => codes[start % codes.length]!));
        for (const each of codes) {
          const next = nextDefinition(stored, each, deployed);
          expect(next).toBe(stored);
          stored = next;
        }
      }),
    );
  });
});

describe("missingCode", () => {
  it("names the installed milestones that the process has not, or has in another version", () => {
    const stored = installed(code({ milestones: [named("a", 1), named("b", 2), named("c", 3)] }));
    const own = new Map([named("a", 1), named("b", 20)].map((each) => [each.name, each]));
    expect(missingCode(stored, (name) => own.get(name))).toEqual(["b", "c"]);
  });

  it("does not take a milestone on another metric for the installed one", () => {
    const stored = installed(code({ milestones: [named("a", 1)] }));
    const elsewhere = milestone({ name: "a", metric: "other", policy: thresholds(1) });
    expect(missingCode(stored, () => elsewhere)).toEqual(["a"]);
  });
});

describe("ignoredCode", () => {
  it("names what the process asks for and others decided otherwise", () => {
    const own = code({ milestones: [named("a", 1), named("b", 2)], options: { retain: "events" } });
    const stored = installed(own, code({ removed: ["a"], options: { retain: "ids" } }));
    expect(ignoredCode(stored, own)).toEqual(["a", "retain"]);
    expect(missingCode(stored, (name) => own.milestones.find((each) => each.name === name))).toEqual([]);
    expect(ignoredCode(stored, code())).toEqual([]);
  });
});
