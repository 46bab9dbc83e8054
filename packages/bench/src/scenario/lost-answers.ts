import { checkCounting } from "../check/counting.js";
import { readTables } from "../check/tables.js";
import { type Cut, startCuttingProxy } from "../fault/cutting-proxy.js";
import { openPlace, type Place } from "../place/place.js";
import type { RetryingClientInput, RetryingClientReport } from "../program/retrying-client.js";
import { evenLevels } from "../workload/announced-milestone.js";
import { eventAt, eventsBySubject, type StreamShape } from "../workload/event-streams.js";
import { randomAt } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  cuts: { full: 500, short: 40, what: "connections that are cut, one for each event", only: "postgres" },
  kills: { full: 500, short: 4, what: "processes that are killed, one for each event", only: "sqlite" },
  clients: { full: 4, short: 2, what: "processes that record" },
  subjects: { full: 20, short: 4, what: "counters" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** What a client was told in the end, and whether it is certain that the first try had been committed. */
interface Answer extends RetryingClientReport {
  readonly stream: number;
  readonly committedBefore: boolean;
}

/**
 * ExecuteAndTimeout. On Postgres a proxy of ours cuts the connection between the server's commit and the client's answer.
 * SQLite has no network: there the process dies by kill -9 when COMMIT has returned and the caller does not know yet, and
 * another one records the event again; that takes a start for each fault, hence fewer of them.
 */
export const lostAnswers: Scenario = {
  name: "R5",
  title:
    "the answer to a recording is lost (Postgres: connection cut; SQLite: kill -9 after COMMIT); it is recorded again",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { store, scale, seed, places, verdict, faults } = context;
  const wanted = store === "postgres" ? scale.cuts : scale.kills;
  const events = Math.ceil(wanted / scale.clients);
  const shape: StreamShape = { seed, streams: scale.clients, events, subjects: scale.subjects };
  // every second value is a level, so half of the answers that are lost tell of a crossing
  const mean = Math.ceil((shape.events * shape.streams) / scale.subjects);
  const levels = evenLevels(mean, mean * 2);
  const place = await places.create();
  const started = performance.now();
  let done = 0;
  const answered = () => context.progress(++done, shape.streams * shape.events);
  const streams = Array.from({ length: shape.streams }, (_, stream) =>
    place.store === "postgres"
      ? throughProxy(context, place, { shape, stream, levels, answered })
      : throughDeaths(context, place, { shape, stream, levels, answered }),
  );
  const answers = (await Promise.all(streams)).flat();

  verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
  verdict.exactly("events", answers.length, shape.streams * shape.events);
  verdict.atLeast(store === "postgres" ? "cuts" : "kills", faults.read().length, wanted);
  verdict.exactly("answersNotLost", answers.filter(({ lostAnswers: lost }) => lost === 0).length, 0);
  const codes = answers.flatMap((answer) => answer.codes);
  verdict.exactly("otherErrors", codes.filter((code) => code !== "store_unavailable").length, 0);
  // the fault hit what it was meant for: a recording that was committed, so the second try must be a duplicate
  const certain = answers.filter(({ committedBefore }) => committedBefore);
  verdict.note("duplicateAnswers", answers.filter(({ duplicate }) => duplicate).length);
  verdict.note("certainlyCommitted", certain.length);
  verdict.exactly("committedAndCountedAgain", certain.filter(({ duplicate }) => !duplicate).length, 0);

  const opened = openPlace(place, { connections: 1 });
  try {
    const tables = await readTables(opened.store);
    checkCounting(tables, { events: eventsBySubject(shape), levels }, verdict);
    const levelOf = new Map(tables.crossings.map(({ eventId, at }) => [eventId, at]));
    const untold = answers.filter(({ stream, n, crossed }) => {
      const stored = levelOf.get(eventAt(shape, stream, n).id);
      return stored === undefined ? crossed.length > 0 : crossed.length !== 1 || crossed[0] !== stored;
    });
    verdict.exactly("answersAgainstTables", untold.length, 0);
  } finally {
    await opened.close();
  }
}

interface Stream {
  readonly shape: StreamShape;
  readonly stream: number;
  readonly levels: readonly number[];
  readonly answered: () => void;
}

/** One client whose every first answer is lost on its way. */
async function throughProxy(
  { crew, faults, seed }: ScenarioContext<Size>,
  place: Extract<Place, { store: "postgres" }>,
  { shape, stream, levels, answered }: Stream,
): Promise<readonly Answer[]> {
  const proxy = await startCuttingProxy(place.url, "milepost_counters_add_");
  const url = new URL(place.url);
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  const cuts = new Map<number, Cut>();
  const answers: Answer[] = [];
  try {
    const through: Place = { ...place, url: url.href };
    const input: RetryingClientInput = { place: through, shape, stream, from: 0, levels, asks: true };
    const client = crew.start("retrying-client", input);
    client.onMessage((message) => {
      const { ask } = message as { ask?: number };
      if (ask === undefined) {
        const report = message as RetryingClientReport;
        answers.push({ ...report, stream, committedBefore: cuts.get(report.n) === "committed" });
        answered();
        return;
      }
      const cut = randomAt(seed, stream, ask, 5) < 0.5 ? "received" : "committed";
      proxy.arm(cut, () => {
        cuts.set(ask, cut);
        faults.add("cut", `${cut}, client ${stream}, event ${ask}`);
      });
      client.send({});
    });
    await client.finished();
  } finally {
    await proxy.close();
  }
  return answers;
}

/** One client that dies at each event when it is committed, and is started again at the same event. */
async function throughDeaths(
  { crew, faults }: ScenarioContext<Size>,
  place: Place,
  { shape, stream, levels, answered }: Stream,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const died = new Set<number>();
  for (let from = 0; from < shape.events; ) {
    // the first add of a process that comes back is the repeat; the second is the next event, at which it dies in turn
    const target = { point: "counters.add/commit:after", hit: died.has(from) ? 2 : 1, faultFile: faults.file };
    const client = crew.start("retrying-client", { place, shape, stream, from, levels, asks: false, target });
    client.onMessage((message) => {
      const report = message as RetryingClientReport;
      const committedBefore = died.has(report.n);
      answers.push({ ...report, stream, lostAnswers: report.lostAnswers + (committedBefore ? 1 : 0), committedBefore });
      from = report.n + 1;
      answered();
    });
    const { signal } = await client.ended;
    if (signal !== "SIGKILL") {
      await client.finished();
      break;
    }
    died.add(from);
  }
  return answers;
}
