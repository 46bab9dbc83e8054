import { MilepostError } from "../errors.js";
import type { CampaignEdit, NewCampaign } from "../store/campaign-repository.js";
import type { Campaign, CampaignState } from "./campaign.js";

// The moves of docs/campaigns.md, as pure functions of a row that a store has locked.

/** What a person, or the engine, does to a campaign. */
export const campaignActs = ["schedule", "start", "pause", "resume", "complete", "fail", "cancel"] as const;
export type CampaignAct = (typeof campaignActs)[number];

export type CampaignPatch = Partial<Omit<Campaign, "tenant" | "id">>;

const from: Readonly<Record<CampaignAct, readonly CampaignState[]>> = {
  schedule: ["draft", "scheduled"],
  start: ["draft", "scheduled"],
  pause: ["scheduled", "sending"],
  resume: ["paused"],
  complete: ["sending"],
  fail: ["draft", "scheduled", "sending", "paused"],
  cancel: ["draft", "scheduled", "sending", "paused"],
};

export interface CampaignActInput {
  readonly act: CampaignAct;
  /** `schedule`: when it begins. */
  readonly at: Date | null;
  /** `fail`: why. */
  readonly detail: string | null;
}

/** A campaign as it is stored first: a draft, or scheduled. */
export function newCampaign(given: NewCampaign, now: Date): Campaign {
  return {
    ...given,
    state: given.scheduledAt === null ? "draft" : "scheduled",
    detail: null,
    revision: 1,
    chunks: 0,
    cursor: null,
    loaded: false,
    lookAt: null,
    rejected: 0,
    changing: null,
    changedAfter: null,
    notBefore: null,
    usage: {},
    fence: 0,
    tries: 0,
    leaseUntil: null,
    createdAt: now,
    startedAt: null,
    endedAt: null,
  };
}

/**
 * What becomes of a campaign by an edit; what it has already queued is `changing`. Whoever loads it loses its lease, and goes
 * on by the new revision.
 */
export function editMove(
  campaign: Campaign,
  { revision, change }: { readonly revision: number; readonly change: CampaignEdit },
): CampaignPatch {
  const { id, state, changing, chunks } = campaign;
  const refuse = (why: string): never => {
    throw new MilepostError("act_refused", `Campaign "${id}" is ${state}: ${why}`);
  };
  if (campaign.endedAt !== null) refuse("it has ended");
  if (changing !== null) refuse("its notifications are still being changed");
  if (campaign.revision !== revision) refuse(`its revision is ${campaign.revision}, and no longer ${revision}`);
  const renewed = change.rate === undefined ? {} : { notBefore: null, usage: {} };
  return {
    ...{ ...change, ...renewed, revision: revision + 1, leaseUntil: null },
    ...(chunks > 0 && change.definition !== undefined && ({ changing: "edit", changedAfter: null } as const)),
  };
}

/** Whether a process may lease it to load or to change it. */
export function leasable(
  { leaseUntil, endedAt, changing }: Pick<Campaign, "leaseUntil" | "endedAt" | "changing">,
  now: Date,
): boolean {
  return (leaseUntil === null || leaseUntil <= now) && (endedAt === null || changing !== null);
}

/** What becomes of it by a lease of so many milliseconds. */
export function leaseMove({ fence, tries }: Campaign, lease: number, now: Date): CampaignPatch {
  return { fence: fence + 1, tries: tries + 1, leaseUntil: new Date(now.getTime() + lease) };
}

/** What becomes of it by a chunk of its audience. `lease` in milliseconds. */
export function loadMove(
  { chunks, loaded, rejected }: Campaign,
  chunk: {
    readonly cursor: string | null;
    readonly last: boolean;
    readonly rejected: number;
    readonly lookAt: Date | null;
    readonly lease: number;
  },
  now: Date,
): CampaignPatch {
  const { cursor, last, lookAt, lease } = chunk;
  return {
    chunks: chunks + 1,
    ...{ cursor, lookAt },
    // one whose late joiners come was loaded before
    loaded: loaded || last,
    rejected: rejected + chunk.rejected,
    tries: 0,
    leaseUntil: last ? null : new Date(now.getTime() + lease),
  };
}

/** What a campaign wants of a process beside sending. */
export type CampaignWork = "start" | "load" | "join" | "edit" | "cancel" | "complete";

/** `hasOpen`: whether any of its notifications has not ended. */
export function wants(campaign: Campaign, hasOpen: () => boolean, now: Date): CampaignWork | null {
  const { state, changing, loaded, scheduledAt, lookAt } = campaign;
  if (changing !== null) return changing;
  if (state !== "scheduled" && state !== "sending" && state !== "paused") return null;
  if (!loaded) return "load";
  if (state === "scheduled" && scheduledAt !== null && scheduledAt <= now) return "start";
  if (lookAt !== null) return lookAt <= now ? "join" : null;
  return state === "sending" && !hasOpen() ? "complete" : null;
}

/** Whether a process has what the work needs: only the host's code knows the audience that comes from it. */
export function knows(codes: readonly string[], { code }: Pick<Campaign, "code">, work: CampaignWork): boolean {
  return (work !== "load" && work !== "join") || code === "" || codes.includes(code);
}

/**
 * What becomes of a campaign by an act. One that failed or was cancelled takes its notifications along: they are `changing`.
 * Throws `act_refused` where the state forbids the act.
 */
export function campaignMove(campaign: Campaign, { act, at, detail }: CampaignActInput, now: Date): CampaignPatch {
  const { id, state, audience, loaded } = campaign;
  const refuse = (why: string): never => {
    throw new MilepostError("act_refused", `Campaign "${id}" is ${state}: ${why}`);
  };
  if (!from[act].includes(state)) refuse(refusals[act]);
  // no other process can load it
  if ((act === "schedule" || act === "start") && audience === "given" && !loaded) {
    refuse("launch() it with its recipients first");
  }
  const begun = { startedAt: campaign.startedAt ?? now };
  switch (act) {
    case "schedule":
      return { state: "scheduled", scheduledAt: at };
    case "start":
      return { state: "sending", ...begun };
    case "pause":
      return { state: "paused" };
    case "resume":
      // one that was paused before its time came waits for it again
      return campaign.startedAt === null ? { state: "scheduled" } : { state: "sending" };
    case "complete":
      return { state: "completed", endedAt: now };
    case "fail":
      return { state: "failed", detail, endedAt: now, ...ending(campaign) };
    case "cancel":
      return { state: "cancelled", endedAt: now, ...ending(campaign) };
  }
}

/** Its audience is loaded no further; what was loaded is cancelled, row by row. */
function ending({ chunks }: Campaign): CampaignPatch {
  return {
    loaded: true,
    lookAt: null,
    leaseUntil: null,
    ...(chunks > 0 && ({ changing: "cancel", changedAfter: null } as const)),
  };
}

const refusals: Readonly<Record<CampaignAct, string>> = {
  schedule: "only one that has not begun can be scheduled",
  start: "only one that has not begun can be started",
  pause: "only one that is scheduled or sending can be paused",
  resume: "only a paused one can be resumed",
  complete: "only one that is sending can be complete",
  fail: "it has ended",
  cancel: "it has ended",
};
