import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A Postfix of our own, on a loopback port, with its queue and its maildirs in a folder of its own. */
export interface Postfix {
  readonly port: number;
  /** A maildir for each address, named by its local part. */
  readonly maildirs: string;
  /** Waits until nothing is left in its queue. */
  drained(): Promise<void>;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

export const postfixDomain = "chaos.example";

/** Any account that is not root: whom the mail belongs to. */
const nobody = 65_534;

const mainFile = (folder: string) => `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.${postfixDomain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
alias_database =
virtual_mailbox_domains = ${postfixDomain}
virtual_mailbox_base = ${folder}/mail
virtual_mailbox_maps = texthash:${folder}/boxes
virtual_uid_maps = static:${nobody}
virtual_gid_maps = static:${nobody}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
maillog_file = ${folder}/mail.log
maillog_file_prefixes = /var, ${folder}
in_flow_delay = 0
`;

/** Debian's own services, without a chroot, and with none that reads or writes anything outside of the folder. */
const masterFile = (port: number) => `127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;

/** Starts one that has a mailbox for each of these local parts. Installs Debian's package where it is missing. */
export async function startPostfix(localParts: readonly string[]): Promise<Postfix> {
  install();
  const folder = await mkdtemp(join(tmpdir(), "milepost-postfix-"));
  try {
    // its services run as accounts of their own
    await chmod(folder, 0o755);
    for (const name of ["conf", "queue", "data", "mail"]) await mkdir(join(folder, name), { mode: 0o755 });
    await chown(join(folder, "data"), idOf("postfix"), 0);
    await chown(join(folder, "mail"), nobody, nobody);
    const port = await freePort();
    await writeFile(join(folder, "conf/main.cf"), mainFile(folder));
    await writeFile(join(folder, "conf/master.cf"), masterFile(port));
    await writeFile(join(folder, "boxes"), localParts.map((name) => `${name}@${postfixDomain} ${name}/\n`).join(""));
    // an interrupted run waits for nothing
    process.once("exit", () => stopNow(folder));
    const master = spawn("/usr/sbin/postfix", ["-c", join(folder, "conf"), "start-fg"], { stdio: "ignore" });
    await untilListening(port, master, folder);
    return {
      port,
      maildirs: join(folder, "mail"),
      drained: () => drained(join(folder, "queue")),
      stop: () => stop(master, folder),
    };
  } catch (error) {
    stopNow(folder);
    throw error;
  }
}

/** Debian's package, without a configuration of the machine's own, so that nothing of it runs by itself. */
function install(): void {
  if (process.getuid?.() !== 0) throw new Error("Postfix must be started by root");
  if (existsSync("/usr/sbin/postfix")) return;
  const run = (command: string, args: readonly string[], input = "") => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const { status, error, stderr } = spawnSync(command, args, { env, input, encoding: "utf8" });
    if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} failed:\n${stderr}`);
  };
  run("debconf-set-selections", [], "postfix postfix/main_mailer_type select No configuration\n");
  run("apt-get", ["update"]);
  run("apt-get", ["install", "-y", "--no-install-recommends", "postfix", "python3"]);
}

function idOf(account: string): number {
  return Number(spawnSync("id", ["-u", account], { encoding: "utf8" }).stdout);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilListening(port: number, master: ChildProcess, folder: string): Promise<void> {
  for (let tries = 0; tries < 300 && master.exitCode === null; tries++) {
    const socket = connect(port, "127.0.0.1");
    const greeted = await once(socket, "data").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (greeted) return;
    await sleep(100);
  }
  throw new Error(`Postfix did not start:\n${await readFile(join(folder, "mail.log"), "utf8").catch(() => "")}`);
}

async function drained(queue: string): Promise<void> {
  const waiting = ["maildrop", "incoming", "active", "deferred", "hold"];
  for (let tries = 0; tries < 600; tries++) {
    const files = await Promise.all(waiting.map((name) => filesIn(join(queue, name))));
    if (files.every((count) => count === 0)) return;
    await sleep(200);
  }
  throw new Error("Postfix still has mail in its queue");
}

/** Deferred mail lies in folders of one letter each. */
async function filesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

async function stop(master: ChildProcess, folder: string): Promise<void> {
  const ended = master.exitCode === null ? once(master, "close") : undefined;
  stopNow(folder);
  await ended;
}

/** Its services end with it. Does nothing where that was done. */
function stopNow(folder: string): void {
  if (!existsSync(folder)) return;
  spawnSync("/usr/sbin/postfix", ["-c", join(folder, "conf"), "stop"]);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}
