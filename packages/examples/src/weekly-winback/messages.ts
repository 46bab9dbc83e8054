import type { CampaignMessages } from "@milepost/core";
import type { Segment } from "./segments.js";

/** What each segment is told. */
export const messages: CampaignMessages & Readonly<Record<Segment, object>> = {
  low: {
    subject: "Your box pauses in {{week}}",
    text: "Hello {{recipient.name}}, you skip one box, that of {{week}}. We keep the next one warm for you.",
  },
  mid: {
    subject: "{{recipient.name}}, a smaller box for your weeks off?",
    text: "You pause in{{#paused}} {{.}}{{/paused}}. Would a box of half the size suit you better?",
  },
  high: {
    subject: "We would miss you, {{recipient.name}}",
    text: "Your box is paused for a month, from {{week}} on. Come back with 30 % off your next one.",
  },
};
