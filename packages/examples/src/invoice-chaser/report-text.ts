import type { EngagementFigures } from "@milepost/core";
import { companyOf } from "./companies.js";
import { olderSystem } from "./older-system.js";
import type { Figures, SeasonReport } from "./season-report.js";
import { table } from "./table.js";

const whole = (count: number): string => count.toLocaleString("en-US");
const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(2)} s`;
const percent = (rate: number | null): string => (rate === null ? "" : `${(rate * 100).toFixed(1)}%`);
/** Without the characters that isolate a merged value. */
const plain = (text: string | null): string =>
  (text ?? "").replaceAll(/[\u200e\u200f\u2066-\u2069]/g, "").replaceAll("\u00a0", " ");
const minutes = (milliseconds: number): string => {
  const all = Math.round(milliseconds / 1_000);
  return `${Math.floor(all / 60)} min ${String(all % 60).padStart(2, "0")} s`;
};

/** The whole of it, in the order in which it happened. */
export function reportText(report: SeasonReport, database: string): string {
  const sections: readonly [title: string, text: string][] = [
    [`Moving in from ${olderSystem}`, movingIn(report)],
    ["Checked before anything is sent", checks(report)],
    ["Launched", launches(report)],
    ["Sent, by real SMTP", sending(report)],
    ["What came back", cameBack(report)],
    ["The next morning", nextMorning(report)],
    ["Figures, counted from the messages", figures(report)],
    ["Nile Supplies asks for what is of Tyne Tools, by its real ids", isolation(report)],
    ["Targets", targets(report)],
  ];
  const first = "invoice-chaser: two companies chase 550 unpaid invoices, by mail servers on this machine.\n";
  const then = `Kept in ${database}. The clock is moved: minutes of sending take seconds.\n`;
  return `${first}${then}${sections.map(([title, text], i) => `\n${i + 1}. ${title}\n${text}`).join("")}`;
}

function movingIn({ movedIn }: SeasonReport): string {
  const header = ["company", "contacts", "rejected", "templates", "refused"];
  const rows = movedIn.map(({ company, moved: { contacts, templates, refused } }) => [
    ...[company.name, whole(contacts.created), whole(contacts.rejected)],
    ...[templates.join(", "), refused.map(({ name }) => name).join(", ")],
  ]);
  const said = movedIn.flatMap(({ company, moved: { rejected, refused } }) => [
    ...rejected.map(
      ({ line, field, code, expected }) =>
        `  ${company.name}, line ${line}: ${code === "missing" ? `no ${field}` : `expected ${expected}`}\n`,
    ),
    ...refused.map(({ name, why }) => `  ${company.name}, template ${name}: ${why}\n`),
  ]);
  return `${table([header, ...rows], [1, 2])}${said.join("")}`;
}

function checks({ previews, incomplete }: SeasonReport): string {
  const shown = previews.map(({ language, dir, subject }) => [`${language}, ${dir}`, plain(subject)]);
  return [
    '  a preview of "reminder" with its sample data:\n',
    table(shown).replaceAll(/^/gm, "  ").trimEnd(),
    "\n  a reminder is launched, and an invoice has no link:\n",
    `    ${incomplete.why}\n    ${incomplete.queued} queued, ${incomplete.taken} sent. Completed, it is launched again.\n`,
  ].join("");
}

function launches({ launched }: SeasonReport): string {
  const header = ["company", "campaign", "kind", "items", "customers", "invoices", "mails", "create + launch"];
  const rows = launched.map(({ campaign, customers, invoices, queued, took }) => [
    ...[companyOf(campaign.tenant!).name, campaign.id!, campaign.kind!, campaign.items!],
    ...[whole(customers), whole(invoices), whole(queued), seconds(took)],
  ]);
  return table([header, ...rows], [4, 5, 6, 7]);
}

function sending({ ended, accounts, balance, story }: SeasonReport): string {
  const header = ["company", "account", "kind", "quota a day", "mails taken", "state"];
  const rows = accounts.map(({ account, taken }) => [
    ...[companyOf(account.tenant).name, `${account.id}${account.primary ? ", primary" : ""}`, account.kind],
    ...[whole(account.quota!.count), whole(taken), [account.state, account.detail ?? ""].join(" ").trim()],
  ]);
  const { queued, sent, taken, lost, doubled, moved } = balance;
  return [
    table([header, ...rows], [3, 4]),
    ...ended.map(
      ({ tenant, id, counts, startedAt, endedAt }) =>
        `  ${companyOf(tenant).name}, ${id}: ${counts.sent} of ${counts.recipients} sent in ${minutes(endedAt!.getTime() - startedAt!.getTime())}, 5 in 3 s\n`,
    ),
    `  queued ${queued}, sent ${sent}, taken by the servers ${taken}: lost ${lost}, doubled ${doubled}, moved to another account ${moved}\n`,
    "  a mail that met an account which failed:\n",
    ...story.map((line) => `    ${line}\n`),
  ].join("");
}

function cameBack({ heard, counted, suppressions }: SeasonReport): string {
  const { events, calls, recorded, duplicates, opens, clicks } = heard;
  const rows = suppressions.map(({ tenant, recipientKey, scope, reason, detail }) => [
    ...[companyOf(tenant).name, recipientKey, reason, scope === "*" ? "everything" : scope, detail ?? ""],
  ]);
  return [
    `  ${whole(events)} events, told ${whole(calls)} times and in any order: ${whole(recorded)} recorded, ${whole(duplicates)} repeats\n`,
    `  opens ${whole(counted.opens)} of ${whole(opens)} counted, clicks ${whole(counted.clicks)} of ${whole(clicks)}\n`,
    "  not written to any more:\n",
    table([["company", "address", "because of", "what", "said"], ...rows]).replaceAll(/^(?=.)/gm, "  "),
  ].join("");
}

function nextMorning({ notices: { launched, scheduled, ended, firstAt, through } }: SeasonReport): string {
  const { counts } = ended;
  const accounts = [...through].map(([account, count]) => `${account} ${count}`).join(", ");
  return [
    `  Nile Supplies, notices: to ${launched.customers} who have not paid, for 09:00 in Cairo; at 08:00 it is ${scheduled.state}, ${scheduled.counts.queued} queued\n`,
    `  the first was sent at ${firstAt.toISOString()}; sent ${counts.sent}, suppressed ${counts.suppressed}\n`,
    `  by account: ${accounts}; it is another day, and there is quota again\n`,
  ].join("");
}

function figures({ figures: all }: SeasonReport): string {
  const header = ["company", "by", "of", "mails", "sent", "delivered", "opened", "clicked", "bounced", "complained"];
  const rows = all.map(({ company, by, of, figures: each }) => [company.name, by, of, ...figureCells(each)]);
  const bases = "  delivered: of those sent; opened and clicked: of those sent that did not come back\n";
  return `${table([header, ...rows], [3, 4, 5, 6, 7, 8, 9])}${bases}`;
}

function figureCells(figures: EngagementFigures): readonly string[] {
  const { recipients, sent, deliveryRate, openRate, clickRate, bounced, complained } = figures;
  return [whole(recipients), whole(sent), percent(deliveryRate), percent(openRate), percent(clickRate)].concat(
    [bounced, complained].map(whole),
  );
}

function isolation({ questions, unchanged }: SeasonReport): string {
  const refused = questions.filter((question) => question.refused).length;
  return [
    table(questions.map(({ call, answer }) => [call, answer])),
    `  ${refused} of ${questions.length} answered nothing and changed nothing; all of Tyne Tools is ${unchanged ? "as it was" : "NOT as it was"}\n`,
  ].join("");
}

function targets({
  launched,
  ended,
  figures: all,
  figuresTook,
  balance,
  heard,
  counted,
  questions,
}: SeasonReport): string {
  const [reminders] = launched;
  const [sent] = ended;
  const rate = ({ company }: Figures) => all.find((each) => each.company === company && each.by === "all")!.figures;
  const companies = all.filter(({ by }) => by === "all");
  const delivered = companies.map((each) => `${percent(rate(each).deliveryRate)} (${each.company.name})`).join(", ");
  return table([
    ["what", "is", "is to be"],
    ["creating and launching 400 invoices", seconds(reminders!.took), "under 2 s"],
    ["400 mails, 5 in 3 s", minutes(sent!.endedAt!.getTime() - sent!.startedAt!.getTime()), "under 10 min"],
    ["a company's figures, all of them", seconds(figuresTook), "under 1 s"],
    ["delivered of validated addresses", delivered, "over 95%"],
    ["opens and clicks kept", percent((counted.opens + counted.clicks) / (heard.opens + heard.clicks)), "100.0%"],
    [
      "asked for in vain by another company",
      percent(questions.filter((q) => q.refused).length / questions.length),
      "100.0%",
    ],
    ["lost or doubled by a failing account", whole(balance.lost + balance.doubled), "0"],
  ]);
}
