import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ended, type OwnDatabase, ownDatabase, type Printed, startExample } from "../example-process.js";

let folder: string;
let own: OwnDatabase | undefined;
beforeEach(async () => {
  own = undefined;
  folder = await mkdtemp(join(tmpdir(), "local-time-mailing-"));
});
afterEach(async () => {
  await own?.drop();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Printed> =>
  ended(startExample(["local-time-mailing", ...args], { cwd: folder, url: own?.url }));

const clients = `24 new clients, 6 lines refused:
  line 10: phone: 7XXXXXXXXXX, and not 99999999999
  line 11: phone: 7XXXXXXXXXX, and not +9 999 999-99-99
  line 12: phone: 7XXXXXXXXXX, and not 9999999999
  line 21: phone: is missing
  line 22: zone: a time zone, as in Europe/Moscow
  line 23: operator: three digits
`;

const statistics = `
Messages by mailing and status
  mailing         state      messages  sent  expired  cancelled  failed  unknown  queued
  1-everybody     completed        24    24
  2-lunch         completed         6     5        1
  3-fixed         completed        12    12
  4-late-joiners  completed        13    13
  5-moved         completed        12    12
  6-deleted       cancelled        12     5                   7
`;

/** The hours at which clients had a mailing, by their own clocks: minutes are the message service's. */
function hours(printed: string, mailing: string): readonly string[] {
  const from = printed.indexOf(`\n${mailing},`);
  const lines = printed.slice(from, printed.indexOf("\n\n", from)).split("\n").slice(3);
  return lines.map((line) => {
    const [, client, zone, at, status] = /^ {2}(c\d\d) +(\S+) +(\w+ \d\d):\d\d +\w+ \d\d:\d\d {2}(\w+)$/.exec(line)!;
    return `${client} ${zone} ${at} ${status}`;
  });
}

describe.each(["SQLite", "Postgres"])(
  "local-time-mailing on %s",
  (kind) => {
    beforeEach(async () => {
      if (kind === "Postgres") own = await ownDatabase(inject("databaseUrl"));
    });

    test("each client gets each mailing once, within its window by their own clocks, whatever the service does", async () => {
      const { stdout, stderr, code } = await run();
      expect([stderr, code]).toEqual(["", 0]);
      expect(stdout).toContain(clients);
      expect(stdout).toContain(statistics);
      const everybody = hours(stdout, "1-everybody");
      expect(everybody.length).toBe(24);
      const late = everybody.filter((line) => !line.endsWith("Tue 09 sent")).sort();
      // the service was down
      expect(late).toEqual([
        "c13 Europe/Berlin Tue 11 sent",
        "c14 Europe/Berlin Tue 11 sent",
        "c15 Europe/London Tue 10 sent",
        "c16 Europe/London Tue 10 sent",
      ]);
      // the first local start on Earth
      expect(everybody.slice(0, 2).sort()).toEqual([
        "c01 Pacific/Kiritimati Tue 09 sent",
        "c02 Pacific/Kiritimati Tue 09 sent",
      ]);
      expect(hours(stdout, "2-lunch").map((line) => line.slice(4))).toEqual([
        "Pacific/Kiritimati Wed 12 sent",
        "Asia/Tokyo Wed 12 sent",
        "Asia/Yekaterinburg Wed 12 sent",
        "Europe/Berlin Wed 12 expired",
        "America/Sao_Paulo Wed 12 sent",
        "America/Los_Angeles Wed 12 sent",
      ]);
      const moved = hours(stdout, "5-moved").map((line) => line.split(" ").slice(2).join(" "));
      expect(moved).toEqual([...Array(3).fill("Fri 09 sent"), ...Array(9).fill("Fri 15 sent")]);
      // what the service took is what counts as sent, though it was asked more often
      const [, calls, taken, repeats] = /(\d+) calls: (\d+) messages taken, (\d+) repeats/.exec(stdout)!;
      expect(Number(taken)).toBe(24 + 5 + 12 + 13 + 12 + 5);
      expect(Number(calls)).toBeGreaterThan(Number(taken));
      expect(Number(repeats)).toBeGreaterThan(0);

      const again = await run("--json");
      expect(again.stderr).toContain(statistics);
      expect(again.stderr).toContain("\n  0 calls: 0 messages taken, 0 repeats");
      const messages = again.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, string>);
      expect(messages.length).toBe(79);
      expect(Object.keys(messages[0]!)).toEqual(["id", "mailing", "client", "zone", "status", "time"]);
      const joined = messages.filter(({ client }) => client === "c25").map(({ mailing }) => mailing);
      expect(joined).toEqual(["4-late-joiners"]);
    });
  },
  240_000,
);

describe("local-time-mailing", () => {
  test.each([
    [["--seed", "x"], "--seed x: a whole number of 0 or more"],
    [["--clients", "none.csv"], "--clients none.csv: there is no such file"],
    [["--db", "none/x.db"], "--db none/x.db: Cannot open database"],
    [["--surprise"], "surprise"],
  ])("refuses %j", async (args, message) => {
    const { stdout, stderr, code } = await run(...args);
    expect(stderr).toContain(message);
    expect([stdout.includes("Messages by mailing"), code]).toEqual([false, 2]);
  });

  test("takes clients of one's own, and names each line that it refuses", async () => {
    const file = join(folder, "clients.csv");
    await writeFile(
      file,
      'client,phone,operator,tag,zone\na,79030000001,903,vip,Asia/Tokyo\nb,"7\nc,79030000002,903,,UTC\n',
    );
    const { stdout, code } = await run("--clients", file);
    expect(stdout).toContain("2 new clients, 1 line refused:\n  line 3: ");
    expect(stdout).toMatch(/^ {2}1-everybody +completed +2 +2$/m);
    expect(code).toBe(0);
  });
}, 120_000);
