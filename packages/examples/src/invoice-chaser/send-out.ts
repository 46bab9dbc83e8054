import type { Milepost } from "@milepost/core";
import { CommandError } from "../command.js";
import { rate } from "./invoice-chaser.js";
import type { MovedClock } from "./moved-clock.js";

/** Milliseconds from one batch to the next: the rate's interval, and the twentieth by which its window may be late. */
const step = rate.interval * 1.05;

export interface CampaignKey {
  readonly tenant: string;
  readonly id: string;
}

export interface SendingOptions {
  readonly afterBatch?: () => void;
  /** Called with how many mails were sent. */
  readonly onProgress?: (sent: number) => void;
  readonly signal: AbortSignal;
}

/** Works as a worker does, batch by batch, until nothing of these campaigns is left. */
export async function sendOut(
  milepost: Milepost,
  clock: MovedClock,
  campaigns: readonly CampaignKey[],
  { afterBatch = () => {}, onProgress = () => {}, signal }: SendingOptions,
): Promise<void> {
  let sent = 0;
  for (let batches = 0; !signal.aborted; batches++) {
    const { notifications } = await milepost.runOnce();
    sent += notifications.sent;
    onProgress(sent);
    afterBatch();
    const open = await stillOpen(milepost, campaigns);
    if (open.length === 0) return;
    if (batches === 2_000) throw new CommandError(`Not sent after ${batches} batches: ${open.join(", ")}`);
    clock.advance(step);
  }
}

async function stillOpen(milepost: Milepost, campaigns: readonly CampaignKey[]): Promise<readonly string[]> {
  const reports = await Promise.all(campaigns.map((key) => milepost.campaigns.get(key)));
  return reports.filter((report) => report!.state !== "completed").map((report) => report!.id);
}
