import { createHash } from "node:crypto";
import type { CounterBirth, InstalledDefinition, InstalledMilestone, Retain } from "../store/definition-repository.js";
import { compareKeys } from "../text-key.js";
import { freshArming, narrowest, quietBand } from "./arming.js";
import type { Milestone } from "./milestone.js";
import { lifetime } from "./period.js";
import { readsContext } from "./policy.js";

/** What the engine is told of a metric beyond its milestones. What is not said stays as it is stored. */
export interface MetricOptions {
  /** Accepts negative amounts; false unless said. */
  readonly decrements?: boolean;
  /**
   * Takes observations, each of which sets the value, instead of amounts that are added to it; false unless said. Cannot
   * be changed once anything was counted: values would mean something else.
   */
  readonly gauge?: boolean;
  /**
   * What is remembered of each event: `"ids"` (unless said), so that it counts once, or `"events"`: also its amount, its
   * time and the value after it.
   */
  readonly retain?: Retain;
  /**
   * Milliseconds for which events are remembered; null, and unless said, for ever. Events must then say when they
   * occurred, and older ones are refused (`event_too_late`), because nothing would show that they were counted before.
   */
  readonly eventRetention?: number | null;
}

/** What a process has code for, of one metric. */
export interface MetricCode {
  readonly metric: string;
  readonly options: MetricOptions;
  readonly milestones: readonly Milestone[];
  /** Names of milestones that are wanted no longer, whatever metric they were on. */
  readonly removed: readonly string[];
}

/** When and how a definition changes. */
export interface Change {
  readonly now: Date;
  /** Also what was replaced or removed before, as for a rollback that a person decided. */
  readonly bringBack: boolean;
}

/** Covers all that evaluation depends on, and nothing of what is said to whom: a changed text is no edit. */
function fingerprintOf(milestone: Milestone): string {
  const { name, policy, period } = milestone;
  // what evaluation keeps for later or runs: code without it would lose it
  const more = [
    ...(["effect", "onPeriodEnd", "onLimit"] as const).filter((effect) => milestone[effect] !== undefined),
    ...(milestone.remindEvery > 0 ? ["remindEvery"] : []),
    ...(milestone.announcement?.resolved === undefined ? [] : ["resolved"]),
  ];
  return createHash("sha256")
    .update(JSON.stringify([name, policy.key, period, ...(more.length > 0 ? [more] : [])]))
    .digest("hex");
}

/**
 * The definition that follows the stored one when a process with this code starts; the stored one itself when nothing
 * changes. Pure: what another process made of it meanwhile is decided by the install.
 *
 * Milestones are added and edited; one that the code omits stays, because another deployment may have it. What was
 * replaced or removed before is not brought back: during a rolling deployment the old code starts now and then too.
 */
export function nextDefinition(
  stored: InstalledDefinition | undefined,
  code: MetricCode,
  { now, bringBack }: Change,
): InstalledDefinition {
  const generation = (stored?.generation ?? 0) + 1;
  const milestones = new Map(stored?.milestones.map((milestone) => [milestone.name, milestone]));
  const former = new Set(stored?.former);
  const removed = new Set(stored?.removed);
  let changed = stored === undefined;
  const isFormer = (what: string): boolean => !bringBack && former.has(what);

  for (const milestone of code.milestones) {
    const { name } = milestone;
    const fingerprint = fingerprintOf(milestone);
    const known = milestones.get(name);
    if (known?.fingerprint === fingerprint || isFormer(fingerprint)) continue;
    if (removed.has(name) && !bringBack) continue;
    if (known !== undefined) former.add(known.fingerprint);
    former.delete(fingerprint);
    removed.delete(name);
    const birth = birthOf(milestone);
    milestones.set(name, { name, fingerprint, added: known?.added ?? generation, changed: generation, birth });
    changed = true;
  }
  for (const name of code.removed) {
    const known = milestones.get(name);
    if (known === undefined) continue;
    milestones.delete(name);
    former.add(known.fingerprint);
    removed.add(name);
    changed = true;
  }

  const settings = settingsOf(stored);
  for (const name of settingNames) {
    const value = code.options[name];
    const setting = settingText(name, value);
    if (value === undefined || settings[name] === value || isFormer(setting)) continue;
    if (stored !== undefined) former.add(settingText(name, settings[name]));
    former.delete(setting);
    if (name === "eventRetention") settings.rememberedSince = rememberedSince(settings, now);
    Object.assign(settings, { [name]: value });
    changed = true;
  }

  if (!changed && stored !== undefined) return stored;
  const installed = [...milestones.values()].sort((a, b) => compareKeys(a.name, b.name));
  return {
    metric: code.metric,
    generation,
    ...settings,
    births: birthsOf(installed, stored?.births ?? [], now),
    milestones: installed,
    former: [...former],
    removed: [...removed],
    // before its first definition a metric has no counters
    adopted: stored?.adopted ?? 1,
  };
}

/** What a metric's options come to once they are stored. */
export interface MetricSettings {
  decrements: boolean;
  gauge: boolean;
  retain: Retain;
  /** Milliseconds; null = for ever. */
  eventRetention: number | null;
  /** Ids of events before this may be forgotten, although `eventRetention` is longer now. */
  rememberedSince: Date | null;
}

const settingNames = ["decrements", "gauge", "retain", "eventRetention"] as const;

function settingsOf(stored: InstalledDefinition | undefined): MetricSettings {
  const { decrements = false, gauge = false, retain = "ids" } = stored ?? {};
  const { eventRetention = null, rememberedSince = null } = stored ?? {};
  return { decrements, gauge, retain, eventRetention, rememberedSince };
}

function settingText(name: (typeof settingNames)[number], value: unknown): string {
  return `${name}=${value}`;
}

/** What a retention that ends now has forgotten by now stays forgotten. */
function rememberedSince({ eventRetention, rememberedSince: before }: MetricSettings, now: Date): Date | null {
  if (eventRetention === null) return before;
  const since = new Date(now.getTime() - eventRetention);
  return before === null || before < since ? since : before;
}

function birthOf({ policy, period, onPeriodEnd, onLimit }: Milestone): CounterBirth {
  // its first evaluation is what sets the time at which it is to be woken
  const due = readsContext(policy) || onPeriodEnd !== undefined;
  const anywhere = { tenant: "", subject: "", period };
  const band = due ? { below: null, above: null } : quietBand(policy, anywhere, freshArming(0), 0);
  return { period, ...band, due, ...(onLimit !== undefined && { opens: true }) };
}

/** One birth for the lifetime, which is always fed, and one for each other period of a milestone: the narrowest. */
function birthsOf(
  milestones: readonly InstalledMilestone[],
  before: readonly CounterBirth[],
  now: Date,
): readonly CounterBirth[] {
  const periods = new Set([lifetime, ...milestones.map(({ birth }) => birth.period).sort(compareKeys)]);
  return [...periods].map((period) => {
    const births = milestones.flatMap(({ birth }) => (birth.period === period ? birth : []));
    const birth = {
      period,
      ...narrowest(births),
      due: births.some(({ due }) => due),
      ...(births.some(({ opens }) => opens) && { opens: true }),
    };
    if (period === lifetime) return birth;
    const fed = before.find((other) => other.period === period);
    return { ...birth, since: fed?.since ?? now.toISOString() };
  });
}

/** Counters of an older generation than this have not met every milestone. */
export function bandsSince({ milestones }: InstalledDefinition): number {
  return Math.max(0, ...milestones.map(({ changed }) => changed));
}

/** The installed milestones that a process has not, or has another version of. */
export function missingCode(
  { metric, milestones }: InstalledDefinition,
  byName: (name: string) => Milestone | undefined,
): readonly string[] {
  return milestones.flatMap(({ name, fingerprint }) => {
    const milestone = byName(name);
    return milestone?.metric === metric && fingerprintOf(milestone) === fingerprint ? [] : [name];
  });
}

/**
 * Milestones and settings of a process that are not installed because they were replaced or removed, or because another
 * process says otherwise.
 */
export function ignoredCode(definition: InstalledDefinition, { milestones, options }: MetricCode): readonly string[] {
  const installed = new Map(definition.milestones.map(({ name, fingerprint }) => [name, fingerprint]));
  return [
    ...milestones.flatMap((milestone) =>
      installed.get(milestone.name) === fingerprintOf(milestone) ? [] : [milestone.name],
    ),
    ...settingNames.filter((name) => options[name] !== undefined && options[name] !== definition[name]),
  ];
}
