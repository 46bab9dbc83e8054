import { readTables } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import type { MigratorInput, MigratorReport } from "../program/migrator.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  migrators: { full: 20, short: 6, what: "processes that migrate one empty database at once" },
  rounds: { full: 5, short: 1, what: "empty databases, one after another" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const migrators: Scenario = {
  name: "migrators",
  title: "many processes migrate one empty database at once: all succeed, each migration is applied once",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run({ scale, places, crew, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const alone = openPlace(await places.create({ migrated: false }), { connections: 1 });
  const { applied: shipped } = await alone.store.migrate();
  await alone.close();

  let failed = 0;
  let wrong = 0;
  let unusable = 0;
  const milliseconds: number[] = [];
  const errors: string[] = [];
  for (let round = 0; round < scale.rounds; round++) {
    const place = await places.create({ migrated: false });
    const children = Array.from({ length: scale.migrators }, () =>
      crew.start("migrator", { place } satisfies MigratorInput),
    );
    await Promise.all(children.map((child) => child.next()));
    const started = performance.now();
    for (const child of children) child.send({});
    const reports = await Promise.allSettled(
      children.map(async (child) => {
        const report = await child.next<MigratorReport>();
        await child.finished();
        return report;
      }),
    );
    milliseconds.push(performance.now() - started);
    for (const report of reports) if (report.status === "rejected") errors.push(String(report.reason));
    failed += reports.filter(({ status }) => status === "rejected").length;
    const applied = reports.flatMap((report) => (report.status === "fulfilled" ? report.value.applied : []));
    if (applied.toSorted().join() !== shipped.toSorted().join()) wrong++;

    const opened = openPlace(place, { connections: 1 });
    try {
      const again = await opened.store.migrate();
      const { counters } = await readTables(opened.store);
      if (again.applied.length + counters.length > 0) unusable++;
    } finally {
      await opened.close();
    }
    progress(round + 1, scale.rounds);
  }
  verdict.note("processes", scale.migrators * scale.rounds);
  verdict.note("migrations", shipped.length);
  verdict.note("slowestMilliseconds", Math.round(Math.max(...milliseconds)));
  verdict.exactly("failedMigrators", failed, 0);
  verdict.exactly("roundsNotAppliedOnce", wrong, 0);
  verdict.exactly("roundsUnfinished", unusable, 0);
  for (const error of errors.slice(0, 3)) verdict.fail(error);
}
