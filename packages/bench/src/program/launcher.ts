// Launches one large campaign, and tells how much memory it takes. Started again after a kill it does the same again.
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, MilepostError } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { type AudienceKind, codeOf, launchedId, membersFrom, newCampaign, person } from "../workload/audience.js";

export interface LauncherInput {
  readonly place: Place;
  readonly kind: AudienceKind;
  readonly recipients: number;
  /** Milliseconds for which a dead process keeps the campaign from others. */
  readonly lease: number;
}

export interface LauncherReport {
  /** Bytes of memory that the process has taken at most so far. */
  readonly rss: number;
  /** What the launch that went through answered; only in the last report. */
  readonly launched?: { readonly queued: number; readonly duplicates: number; readonly rejected: number };
}

/** Milliseconds between two looks at the memory. */
const lookEvery = 20;
/** Bytes that are worth a message. */
const step = 2 ** 20;

await runProgram<LauncherInput>(async ({ place, kind, recipients, lease }, link) => {
  const taken = { members: 0 };
  let told = 0;
  let rss = 0;
  const look = () => {
    rss = Math.max(rss, process.memoryUsage.rss());
    if (rss < told + step) return;
    told = rss;
    link.send({ rss } satisfies LauncherReport);
  };
  const looking = setInterval(look, lookEvery);
  look();

  const opened = openPlace(place);
  const notifier = sinkNotifier(0, "at-most-once");
  const milepost = createMilepost({
    store: opened.store,
    notifiers: [notifier],
    campaigns: codeOf(kind, recipients, notifier, taken),
    delivery: { lease, callDeadline: Math.floor(lease / 2), settleMargin: Math.floor(lease / 10) },
  });
  await milepost.campaigns.create(newCampaign(kind));
  for (;;) {
    try {
      const stream = kind === "given" && { recipients: membersFrom(0, recipients, taken) };
      const { campaign, queued, duplicates, rejected } = await milepost.campaigns.launch({
        ...{ id: launchedId, ...person },
        ...stream,
      });
      look();
      if (campaign.loaded) {
        link.send({ rss, launched: { queued, duplicates, rejected } } satisfies LauncherReport);
        break;
      }
    } catch (error) {
      // the process before this one died with its lease
      if (!MilepostError.is(error) || error.code !== "act_refused") throw error;
    }
    await sleep(50);
  }
  clearInterval(looking);
  await milepost.close();
  await opened.close();
});
