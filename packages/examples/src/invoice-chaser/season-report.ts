import type {
  CampaignReport,
  EngagementFigures,
  Milepost,
  ProviderView,
  Suppression,
  TemplatePreview,
} from "@milepost/core";
import type { Launched } from "./campaigns.js";
import type { Company } from "./companies.js";
import type { Heard } from "./heard-of.js";
import type { Question } from "./isolation.js";
import type { Balance } from "./mails.js";
import type { MovedIn } from "./older-system.js";

/** What the report is written from. */
export interface SeasonReport {
  readonly movedIn: readonly { readonly company: Company; readonly moved: MovedIn }[];
  readonly previews: readonly TemplatePreview[];
  /** What was said of the audience that was not complete. */
  readonly incomplete: { readonly why: string; readonly queued: number; readonly taken: number };
  readonly launched: readonly Launched[];
  readonly ended: readonly CampaignReport[];
  readonly accounts: readonly { readonly account: ProviderView; readonly taken: number }[];
  readonly balance: Balance;
  /** The tries of one mail that met an account which failed. */
  readonly story: readonly string[];
  readonly heard: Heard;
  /** Opens and clicks that the engine counts. */
  readonly counted: { readonly opens: number; readonly clicks: number };
  readonly suppressions: readonly Suppression[];
  readonly notices: Notices;
  readonly figures: readonly Figures[];
  /** Milliseconds, for all of one company's. */
  readonly figuresTook: number;
  readonly questions: readonly Question[];
  readonly unchanged: boolean;
}

/** The campaign of the next morning. */
export interface Notices {
  readonly launched: Launched;
  readonly ended: CampaignReport;
  /** Where it stood before its time, and when the first mail of it went out. */
  readonly scheduled: CampaignReport;
  readonly firstAt: Date;
  readonly through: ReadonlyMap<string, number>;
}

/** Whether all of it came out as it has to. */
export function isAsItHasToBe({ balance, heard, counted, questions, unchanged }: SeasonReport): boolean {
  const kept = counted.opens === heard.opens && counted.clicks === heard.clicks;
  return balance.lost + balance.doubled === 0 && kept && unchanged && questions.every(({ refused }) => refused);
}

/** The figures of one company's campaign, template or day. */
export interface Figures {
  readonly company: Company;
  readonly by: "campaign" | "template" | "day" | "all";
  readonly of: string;
  readonly figures: EngagementFigures;
}

export async function figuresOf(milepost: Milepost, company: Company): Promise<readonly Figures[]> {
  const { id: tenant, zone } = company;
  const campaigns = await milepost.engagement({ tenant, by: "campaign" });
  const templates = await milepost.engagement({ tenant, by: "template" });
  const days = await milepost.engagement({ tenant, by: "time", bucket: "day", zone });
  const names = await templateNames(milepost, tenant);
  const dayIn = new Intl.DateTimeFormat("en-CA", { timeZone: zone });
  return [
    ...campaigns.rows.map(({ of, ...figures }) => ({ company, by: "campaign" as const, of, figures })),
    ...templates.rows
      .map(({ of, ...figures }) => ({ company, by: "template" as const, of: names.get(of)!, figures }))
      .sort((a, b) => (a.of < b.of ? -1 : 1)),
    ...days.rows.map(({ of, ...figures }) => ({
      ...{ company, by: "day" as const, of: dayIn.format(new Date(of)), figures },
    })),
    { company, by: "all", of: "", figures: campaigns.total },
  ];
}

/** A message names what it says by a hash. */
async function templateNames(milepost: Milepost, tenant: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const { name } of await milepost.templates.list({ tenant })) {
    for (const { variants } of await milepost.templates.versions({ tenant, name })) {
      for (const { hash, language } of variants) names.set(hash, `${name} ${language}`);
    }
  }
  return names;
}
