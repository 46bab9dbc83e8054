import type { Arming, Passed } from "./arming.js";
import type { CourseOf, Findings, FoldedMilestone } from "./course.js";
import type { CrossingBirth, NewCrossing } from "./crossing.js";
import type { Milestone } from "./milestone.js";
import type { NoticeKind } from "./notice.js";
import type { Level } from "./policy.js";
import { type OpenCrossing, opened, stillPassed } from "./said-crossings.js";

/** What is said of one milestone's crossings on one counter: of each at first, and of those that hold later. */
export class Telling {
  readonly #milestone: FoldedMilestone;
  readonly #of: CourseOf;
  readonly #findings: Findings;
  readonly #saidAt: number[];

  constructor(milestone: FoldedMilestone, of: CourseOf, findings: Findings) {
    this.#milestone = milestone;
    this.#of = of;
    this.#findings = findings;
    this.#saidAt = (milestone.saidAt ?? []).map((date) => date.getTime());
  }

  /** What becomes of crossings that came at once, in the order in which their levels were passed. */
  births(
    arming: Arming,
    { length }: readonly Passed[],
    reachedAt: Date,
    onJump: Milestone["onJump"],
  ): { readonly births: readonly CrossingBirth[]; readonly arming: Arming } {
    const { minInterval } = this.#milestone;
    let said: CrossingBirth = this.#milestone.said;
    let after = arming;
    if (said === "pending" && minInterval > 0) {
      const time = reachedAt.getTime();
      const last = arming.said ?? time - minInterval;
      if ([last, ...this.#saidAt].some((before) => Math.abs(time - before) < minInterval)) said = "too_soon";
      else {
        this.#saidAt.push(time);
        // a late event must not hide what was said after it
        after = { ...arming, said: Math.max(last, time) };
      }
    }
    const others = said === "silent" || onJump === "each" ? said : "superseded";
    return { births: Array.from({ length }, (_, place) => (place === length - 1 ? said : others)), arming: after };
  }

  /** A crossing is to be said; `ends`: something may take it back. */
  open(arming: Arming, crossing: NewCrossing, ends: boolean): Arming {
    const { remindEvery = 0, resolves = false } = this.#milestone;
    if (remindEvery === 0 && !resolves) return arming;
    return {
      ...arming,
      open: opened(arming.open ?? [], crossing, { ends, resolves }),
      ...(remindEvery > 0 && { remindAt: this.#of.now().getTime() + remindEvery }),
    };
  }

  /** Levels that were said and are armed again. */
  resolve(cleared: readonly OpenCrossing[], value: number, at: Date): void {
    if (!this.#milestone.resolves) return;
    for (const each of cleared) this.#note("resolved", each, 1, value, at);
  }

  /**
   * The engine was woken at `at`, in the counter's span or not. Of the last crossing that was said people are reminded,
   * while its level, which `levelOf` finds, is passed.
   */
  wake(arming: Arming, at: number, value: number, levelOf: (open: OpenCrossing) => Level | undefined): Arming {
    const { remindEvery = 0, policy } = this.#milestone;
    const { remindAt, ...rest } = arming;
    if (remindAt === undefined || at < remindAt) return arming;
    const { open = [] } = rest;
    const last = open.at(-1);
    if (at >= this.#of.end || remindEvery === 0 || last === undefined) return rest;
    const waiting = { ...rest, remindAt: Math.max(at, this.#of.now().getTime()) + remindEvery };
    const level = policy.moving ? levelOf(last) : last;
    if (level === undefined || !stillPassed(level, value)) return waiting;
    const reminded = last.reminded + 1;
    this.#note("reminder", last, reminded, value, new Date(at));
    return { ...waiting, open: [...open.slice(0, -1), { ...last, reminded }] };
  }

  #note(kind: NoticeKind, { crossing }: OpenCrossing, number: number, value: number, noticedAt: Date): void {
    if (this.#milestone.said !== "pending") return;
    const { tenant, newId } = this.#of;
    const { name: milestone } = this.#milestone;
    this.#findings.notices.push({ tenant, id: newId(), crossing, milestone, kind, number, value, noticedAt });
  }
}

/** What is left of the open ones. Once the last that was said is gone, there is nothing to remind of. */
export function keepingOpen(arming: Arming, left: readonly OpenCrossing[]): Arming {
  const { open = [], remindAt, ...rest } = arming;
  const same = left.length > 0 && left.at(-1)!.crossing === open.at(-1)!.crossing;
  return {
    ...rest,
    ...(left.length > 0 && { open: left }),
    ...(same && remindAt !== undefined && { remindAt }),
  };
}
