import { setMaxListeners } from "node:events";
import { type PostgresServer, startPostgres } from "../../../../scripts/postgres.js";
import { checkServer, ServerError } from "../place/places.js";
import { bundlePrograms } from "../process/bundle.js";
import { help } from "./help.js";
import { type Options, readOptions, UsageError } from "./options.js";
import { runScenario } from "./run-scenario.js";
import { showStatus } from "./status.js";

/** Exit code: 0 all held, 1 something did not, 2 the command line or the server is of no use, 130 interrupted. */
async function main(): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message} See --help.`);
    return 2;
  }
  if (options === null) {
    console.log(help);
    return 0;
  }
  const interrupted = new AbortController();
  setMaxListeners(0, interrupted.signal);
  // Stays caught: a Ctrl-C reaches the whole process group and often comes twice, and cleaning up must not be cut off.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort(new Error(name)));
  const given = process.env.DATABASE_URL;
  try {
    // now, and not after what may be an hour of scenarios on SQLite
    if (given && options.stores.includes("postgres")) await checkServer(given);
    return (await runAll(options, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    if (!(error instanceof ServerError)) throw error;
    console.error(`The Postgres server ${given ? "of DATABASE_URL" : "started here"} cannot be used: ${error.message}`);
    return 2;
  }
}

async function runAll(
  { scenarios, stores, seed, json, keep, scaleOf }: Options,
  signal: AbortSignal,
): Promise<boolean> {
  const programs = await bundlePrograms();
  let server: PostgresServer | undefined;
  let ok = true;
  try {
    for (const scenario of scenarios) {
      for (const store of stores.filter((name) => scenario.stores.includes(name))) {
        signal.throwIfAborted();
        // its defaults are the durable ones: fsync and synchronous_commit on
        if (store === "postgres" && !process.env.DATABASE_URL) server ??= await startPostgres();
        const status = json ? undefined : showStatus(`${scenario.name} ${store}`);
        const serverUrl = process.env.DATABASE_URL || server?.url;
        const progress = (done: number, total: number) => status?.at(done, total);
        try {
          const scale = scaleOf(scenario);
          const report = await runScenario({
            scenario,
            store,
            scale,
            seed,
            programs,
            serverUrl,
            progress,
            keep,
            signal,
          });
          console.log(JSON.stringify(report));
          ok &&= report.ok;
        } finally {
          status?.stop();
        }
      }
    }
  } finally {
    await programs.dispose();
    await server?.stop();
  }
  return ok;
}

const code = await main();
// an interrupted scenario may still wait for what was killed
if (code === 130) process.exit(code);
process.exitCode = code;
