import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { frameAt, frameHeader, framesIn, readWalState, type WalState, walHeader, walSalt } from "./wal-index.js";

/** Bytes that a disk writes as one. */
const sector = 512;
/** Pages of the database file that one cut damages at most. */
const mostTorn = 8;

/** What a cut has done to the files beyond what was synced. */
export interface PowerCut {
  /** Bytes of a commit that was being written: all of them were in the WAL, and none of them synced. */
  readonly unsynced: number;
  /** How much of it is on the disk: nothing, the first bytes, all but some sectors, or everything. */
  readonly tail: "lost" | "cut" | "holes" | "whole";
  /** The commit was one of the run's, caught in the act; otherwise one was begun for the purpose. */
  readonly caught: boolean;
  /** Pages of the database file that a checkpoint was writing, each now half of one and half of the other. */
  readonly tornPages: number;
}

const markTable = "host_power_cut";

/** A table of the host's over many pages, which one transaction changes from end to end: all of it or nothing. */
export function createMarks(file: string): void {
  const db = new Database(file);
  db.exec(`CREATE TABLE ${markTable} (id INTEGER PRIMARY KEY, mark INTEGER NOT NULL, filler TEXT NOT NULL)`);
  const insert = db.prepare(`INSERT INTO ${markTable} (mark, filler) VALUES (0, ?)`);
  for (let i = 0; i < 12; i++) insert.run("x".repeat(3_000));
  db.close();
}

/** Whether the table is as one transaction left it. */
export function marksAgree(db: Database.Database): boolean {
  const { marks } = db.prepare(`SELECT count(DISTINCT mark) AS marks FROM ${markTable}`).get() as { marks: number };
  return marks === 1;
}

/**
 * Copies a database as a disk may hold it after a power cut. Nothing may run on the file meanwhile: its processes are
 * frozen, wherever they were.
 *
 * Copying the files as they are would be a kill -9, which keeps every written page. What a disk surely has is what was
 * synced, and `synchronous = FULL` syncs the WAL before it publishes a commit and the database file before it says that a
 * checkpoint is through; the WAL's index, `-shm`, says how far that is. It is read and not copied: it is memory, and gone.
 *
 * - The WAL beyond the last published commit may be on the disk in any part. What a frozen process was writing there is
 *   torn; if none was, a transaction is written to a copy first, and its frames are torn.
 * - A page of the database file that a checkpoint copies may be half-written while the WAL has it still. So pages that the
 *   WAL holds and that were not reported as copied are torn: a checkpoint may be under way at any time.
 */
export function cutPower(file: string, copy: string, random: () => number): PowerCut {
  copyFileSync(file, copy);
  const walFile = `${file}-wal`;
  const state = readWalState(`${file}-shm`);
  const wal: Buffer = existsSync(walFile) ? readFileSync(walFile) : Buffer.alloc(0);
  const tornPages = state === undefined ? 0 : tearCheckpoint(copy, wal, state, random);

  const frames = state === undefined ? 0 : framesIn(wal, state);
  if (state !== undefined && frames > state.committed) {
    const from = frameAt(state.committed + 1, state.pageSize);
    const written = wal.subarray(0, frameAt(frames + 1, state.pageSize));
    const { tail, torn } = tornTail(written, wal.subarray(0, from), from, random);
    writeFileSync(`${copy}-wal`, torn);
    return { unsynced: written.length - from, tail, caught: true, tornPages };
  }
  // The index is of a life that the file has not begun: all of the former one is in the database, and it begins anew.
  const isOver = state !== undefined && walSalt(wal) !== state.salt;
  const written = withCommitUnderWay(file, isOver ? Buffer.alloc(0) : wal);
  const from = firstDifference(isOver ? Buffer.alloc(0) : wal, written);
  const { tail, torn } = tornTail(written, wal, from, random);
  writeFileSync(`${copy}-wal`, torn);
  return { unsynced: written.length - from, tail, caught: false, tornPages };
}

/** The WAL as it is when one more transaction has been written; made beside, so that nothing of it is in the original. */
function withCommitUnderWay(file: string, wal: Buffer): Buffer {
  const folder = `${file}-scratch`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const scratch = join(folder, "scratch.db");
  copyFileSync(file, scratch);
  writeFileSync(`${scratch}-wal`, wal);
  const db = new Database(scratch);
  try {
    db.pragma("wal_autocheckpoint = 0");
    db.prepare(`UPDATE ${markTable} SET mark = mark + 1, filler = lower(hex(randomblob(1500)))`).run();
    return readFileSync(`${scratch}-wal`);
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A new header is synced before the first frame is written. */
function firstDifference(before: Buffer, after: Buffer): number {
  let at = walHeader;
  while (at < before.length && at < after.length && before[at] === after[at]) at++;
  return at;
}

/** `before` is what those sectors held that did not reach the disk. */
function tornTail(
  wal: Buffer,
  before: Buffer,
  from: number,
  random: () => number,
): { readonly tail: PowerCut["tail"]; readonly torn: Buffer } {
  const tail = (["lost", "cut", "cut", "holes", "holes", "whole"] as const)[Math.floor(random() * 6)]!;
  if (tail === "whole" || from >= wal.length) return { tail, torn: wal };
  if (tail === "lost") return { tail, torn: wal.subarray(0, from) };
  if (tail === "cut") return { tail, torn: wal.subarray(0, from + Math.floor(random() * (wal.length - from))) };
  const torn = Buffer.from(wal);
  for (let at = Math.ceil(from / sector) * sector; at < torn.length; at += sector) {
    if (random() < 0.5) continue;
    torn.fill(0, at, Math.min(at + sector, torn.length));
    if (at < before.length) before.copy(torn, at, at, Math.min(at + sector, before.length));
  }
  return { tail, torn };
}

/** Half of the page as the WAL has it, half of nothing. */
function tearCheckpoint(copy: string, wal: Buffer, state: WalState, random: () => number): number {
  const { pageSize, committed, copied } = state;
  if (walSalt(wal) !== state.salt || committed <= copied) return 0;
  const db = readFileSync(copy);
  const torn = new Set<number>();
  let grown = db;
  for (let i = 0; i < mostTorn; i++) {
    const frame = copied + 1 + Math.floor(random() * (committed - copied));
    const at = frameAt(frame, pageSize);
    const page = wal.readUInt32BE(at);
    if (torn.has(page)) continue;
    torn.add(page);
    const place = (page - 1) * pageSize;
    if (grown.length < place + pageSize) grown = Buffer.concat([grown, Buffer.alloc(place + pageSize - grown.length)]);
    const half = sector * Math.floor(random() * (pageSize / sector));
    wal.copy(grown, place, at + frameHeader, at + frameHeader + half);
    for (let byte = place + half; byte < place + pageSize; byte++) grown[byte] = Math.floor(random() * 256);
  }
  writeFileSync(copy, grown);
  return torn.size;
}
