// node postgres-reaper.mjs JSON: waits until its stdin closes, which happens when the process that started
// the server ends in any way, also killed; then stops the server and removes its folder.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

const { pgCtl, dataDir, folder, account } = JSON.parse(process.argv[2]);

process.stdin.resume().on("close", () => {
  spawnSync(pgCtl, ["stop", "-D", dataDir, "-m", "immediate", "-w"], {
    ...account,
    cwd: folder,
    stdio: "ignore",
  });
  rmSync(folder, { recursive: true, force: true });
});
