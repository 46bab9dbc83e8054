import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { seededRandom } from "../workload/random.js";
import { createMarks, cutPower, marksAgree } from "./power-cut.js";
import { frameAt, framesIn, readWalState } from "./wal-index.js";

let folder: string;
let file: string;
let db: Database.Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "milepost-cut-"));
  file = join(folder, "a.db");
  db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY, filler TEXT)");
  createMarks(file);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

const insert = (n: number) => db.prepare("INSERT INTO t VALUES (?, ?)").run(n, "y".repeat(500));
const state = () => readWalState(`${file}-shm`)!;

function look(copy: string) {
  const opened = new Database(copy);
  try {
    const { n } = opened.prepare("SELECT count(*) AS n FROM t").get() as { n: number };
    return { sound: opened.pragma("integrity_check", { simple: true }), rows: n, agree: marksAgree(opened) };
  } finally {
    opened.close();
  }
}

it("keeps every commit, whatever is torn behind it and in a checkpoint, and leaves the original as it was", () => {
  const seen = new Set<string>();
  let torn = 0;
  for (let seed = 1; seed <= 60; seed++) {
    insert(seed);
    if (seed % 7 === 0) db.pragma("wal_checkpoint(PASSIVE)");
    if (seed % 20 === 0) db.pragma("wal_checkpoint(RESTART)");
    const before = readFileSync(`${file}-wal`);
    const copy = join(folder, `cut-${seed}.db`);
    const { tail, tornPages, unsynced } = cutPower(file, copy, seededRandom(seed));
    seen.add(tail);
    torn += tornPages;
    expect(unsynced).toBeGreaterThan(0);
    expect(look(copy), `seed ${seed}, ${tail}`).toEqual({ sound: "ok", rows: seed, agree: true });
    expect(readFileSync(`${file}-wal`).equals(before)).toBe(true);
  }
  expect([...seen].sort()).toEqual(["cut", "holes", "lost", "whole"]);
  expect(torn).toBeGreaterThan(0);
  expect(look(file)).toEqual({ sound: "ok", rows: 60, agree: true });
});

it("tears the very frames that a process was writing when it was frozen, and no committed one", () => {
  for (let n = 1; n <= 5; n++) insert(n);
  const { committed } = state();
  // as in the middle of a commit: its frames are in the file, and the index knows nothing of them
  const shm = readFileSync(`${file}-shm`);
  insert(6);
  const copyOf = join(folder, "frozen.db");
  writeFileSync(copyOf, readFileSync(file));
  writeFileSync(`${copyOf}-wal`, readFileSync(`${file}-wal`));
  writeFileSync(`${copyOf}-shm`, shm);
  const frozen = readWalState(`${copyOf}-shm`)!;
  expect(frozen.committed).toBe(committed);
  expect(framesIn(readFileSync(`${copyOf}-wal`), frozen)).toBeGreaterThan(committed);
  const found = new Set<number>();
  for (let seed = 1; seed <= 40; seed++) {
    const copy = join(folder, `cut-${seed}.db`);
    const { caught } = cutPower(copyOf, copy, seededRandom(seed));
    expect(caught).toBe(true);
    const { sound, rows } = look(copy);
    expect(sound).toBe("ok");
    found.add(rows);
  }
  expect([...found].sort(), "the sixth is there or not, the others are").toEqual([5, 6]);
});

it("would be noticed if it took a committed frame: the last commit is gone", () => {
  for (let n = 1; n <= 5; n++) insert(n);
  const { committed, pageSize } = state();
  const copy = join(folder, "spoilt.db");
  writeFileSync(copy, readFileSync(file));
  writeFileSync(`${copy}-wal`, readFileSync(`${file}-wal`).subarray(0, frameAt(committed, pageSize)));
  expect(look(copy).rows).toBe(4);
});
