import type { Crossing } from "../milestone/crossing.js";
import type { Notice } from "../milestone/notice.js";
import type { Act } from "../store/act-repository.js";
import type { StoredLevels } from "../store/levels-repository.js";
import type { Attempt, Notification } from "./notification.js";
import { type Reason, reasonMeanings } from "./reason.js";
import type { CampaignStory, NoticeStory, NotificationStory, Story } from "./story.js";

/** A story in plain English: what happened, what was passed, what became of it, and then recipient by recipient. */
export function storyLines(story: Omit<Story, "lines">): readonly string[] {
  const { crossing, together, notifications, more, notices, moreNotices } = story;
  const lines = [
    causeLine(story),
    levelLine(story),
    ...together.map((other) => `At the same time ${other.threshold} at ${other.at} was passed: ${endOf(other)}.`),
    `${outcomeOf(crossing)}.`,
    ...notifications.flatMap(notificationLines),
    ...(more ? [`It has more notifications than these ${notifications.length}.`] : []),
    ...notices.flatMap(noticeLines),
    ...(moreNotices ? [`More was said of it later than these ${notices.length} times.`] : []),
  ];
  return lines.map(oneLine);
}

/** The same of a message of a campaign. */
export function campaignLines({ campaign, acts, notifications }: Omit<CampaignStory, "lines">): readonly string[] {
  const { id, name, state, detail, counts } = campaign;
  const why = detail === null ? "" : `: ${detail}`;
  const lines = [
    `Campaign ${quoted(id)}, ${quoted(name)}, is ${state}${why}; ${counts.sent} of its ${count(counts.recipients, "message")} were sent.`,
    ...acts.map(actLine),
    ...notifications.flatMap(notificationLines),
  ];
  return lines.map(oneLine);
}

/** Names and what people wrote may hold line breaks. */
function oneLine(line: string): string {
  return line.replace(/[\r\n\u2028\u2029]+/g, " ");
}

function actLine({ by, act, at, why }: Act): string {
  return `  ${by} asked for ${quoted(act)} at ${time(at)}: ${why}`;
}

function causeLine({ crossing, cause, event, levels }: Omit<Story, "lines">): string {
  const { metric, subject, period, value, previous, reachedAt } = crossing;
  const counter = `${metric} of ${quoted(subject)} in ${period}`;
  if (event !== null) {
    const change = `${event.amount < 0 ? "took" : "counted"} ${Math.abs(event.amount)}`;
    return `Event ${quoted(event.id)} of ${time(event.occurredAt)} ${change}: ${counter} went from ${previous} to ${value}.`;
  }
  const when = {
    limit: "when a limit came into force",
    adoption: levels === null ? "when it met the milestone" : "when it met these levels",
    time: "when it was looked at without an event",
    event: "",
  };
  return `At ${time(reachedAt)} ${counter} stood at ${value} ${when[cause]}.`;
}

function levelLine({ crossing, limit, levels }: Omit<Story, "lines">): string {
  const { milestone, threshold, at, direction, arming, skipped, limitVersion, limitAmount } = crossing;
  const again = arming > 1 ? `, armed for the ${ordinal(arming)} time` : "";
  const below = skipped > 0 ? `; ${skipped} levels before it have no crossing of their own` : "";
  const set = limit === null ? "" : `, set by ${limit.by}: ${limit.why}`;
  const measured = limitAmount === null ? "" : `; the limit is ${limitAmount}, version ${limitVersion}${set}`;
  const stored = levels === null ? "" : `; ${levelsOf(levels)}`;
  return `That passed level ${threshold} of milestone ${quoted(milestone)}, at ${at}, ${direction}${again}${below}${measured}${stored}.`;
}

function levelsOf({ subject, version, by, why }: StoredLevels): string {
  return `the levels are ${subject === "" ? "the tenant's" : "the subject's own"}, version ${version}, set by ${by}: ${why}`;
}

/** A reminder, or that the level is armed again; what became of it, and then recipient by recipient. */
function noticeLines({ notice, notifications, more }: NoticeStory): readonly string[] {
  const { kind, number, noticedAt, value, reason } = notice;
  const what = kind === "reminder" ? `Reminder ${number}` : "That it is over";
  // of a crossing the same reason means that its milestone tells nobody
  const outcome = reason === "silent" ? "nobody was told, as nobody was of the crossing" : lowered(outcomeOf(notice));
  return [
    `${what}, of ${time(noticedAt)} with the value at ${value}: ${outcome}.`,
    ...notifications.flatMap(notificationLines),
    ...(more ? [`It has more notifications than these ${notifications.length}.`] : []),
  ];
}

function lowered(sentence: string): string {
  return sentence[0]!.toLowerCase() + sentence.slice(1);
}

function outcomeOf(
  announced: Pick<Crossing | Notice, "state" | "reason" | "detail" | "attempts" | "notifications">,
): string {
  const { state, reason, detail, attempts, notifications } = announced;
  const last = detail === null ? "" : `; the last failure: ${detail}`;
  if (state === "leased") return "A worker is announcing it";
  if (state === "announced") return `It was announced to ${count(notifications, "recipient")}`;
  if (state !== "pending") return `Nobody was told: ${because(reason)}${last}`;
  return attempts === 0
    ? "Its announcement waits for a worker"
    : `Its announcement was tried ${times(attempts)} and waits to be tried again${last}`;
}

function endOf({ state, reason }: Pick<Crossing, "state" | "reason">): string {
  if (state === "announced") return "it was announced";
  return state === "pending" || state === "leased" ? "it is to be announced" : `nobody was told, ${because(reason)}`;
}

function notificationLines({ notification, attempts, acts, ...lane }: NotificationStory): readonly string[] {
  const { id, recipient, channel, notifier, redriveOf } = notification;
  const again = redriveOf === null ? "" : `, which sends ${redriveOf} again`;
  return [
    `Notification ${id} to ${recipient.address} by ${channel} through ${quoted(notifier)}${again}: ${standingOf(notification, lane)}.`,
    ...attempts.map(attemptLine),
    ...acts.map(actLine),
  ];
}

function standingOf(
  { state, reason, detail, settledAt, notBefore, hours }: Notification,
  { paused, parkedUntil }: Pick<NotificationStory, "paused" | "parkedUntil">,
): string {
  const last = detail === null ? "" : ` (${detail})`;
  const ended = settledAt === null ? "" : ` at ${time(settledAt)}`;
  if (state === "sent") return `sent${ended}`;
  if (state === "pending") {
    if (paused) return "pending, its lane is paused";
    const within = hours === null ? "" : `, within ${hours.from} to ${hours.to} ${hours.zone}`;
    const parked = parkedUntil !== null && parkedUntil > notBefore;
    return parked
      ? `pending, from ${time(parkedUntil)} on, when its lane opens${within}`
      : `pending, from ${time(notBefore)} on${within}`;
  }
  return `${state}${ended}${reason === null ? "" : `, ${because(reason)}`}${last}`;
}

function attemptLine({ number, startedAt, endedAt, outcome, detail }: Attempt): string {
  const ended = endedAt === null ? "not ended" : `${outcome} at ${time(endedAt)}`;
  return `  attempt ${number} at ${time(startedAt)}: ${ended}${detail === null ? "" : ` (${detail})`}`;
}

function because(reason: Reason | null): string {
  return reason === null ? "no reason is known" : `${reason}, ${reasonMeanings[reason]}`;
}

function time(date: Date): string {
  return date.toISOString();
}

/** JSON, so that a line stays one, whatever a key holds. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function times(number: number): string {
  return number === 1 ? "once" : `${number} times`;
}

function ordinal(number: number): string {
  const [tens, ones] = [number % 100, number % 10];
  if (tens >= 11 && tens <= 13) return `${number}th`;
  return `${number}${["th", "st", "nd", "rd"][ones] ?? "th"}`;
}
