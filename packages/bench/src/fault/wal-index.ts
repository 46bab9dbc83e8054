import { readFileSync } from "node:fs";

// SQLite's WAL and its index, as https://www.sqlite.org/fileformat2.html#walformat and
// https://www.sqlite.org/walformat.html describe them.

/** Bytes of the WAL's header, and of each frame's before its page. */
export const walHeader = 32;
export const frameHeader = 24;

/**
 * What the WAL's index says of durability. A writer with `synchronous = FULL` publishes a commit there (`mxFrame`) only when
 * its frames are synced, so the index never runs ahead of the disk; and a checkpoint says what it has copied
 * (`nBackfill`) only when the database file is synced.
 */
export interface WalState {
  /** Bytes. */
  readonly pageSize: number;
  /** Frames that hold committed transactions, from 1. */
  readonly committed: number;
  /** Of those, how many are in the synced database file. */
  readonly copied: number;
  /** As far as a checkpoint has begun to copy: more than `copied` while one is under way, or was cut short. */
  readonly copying: number;
  /** Which life of the file it is about: frames and header of another one do not count. */
  readonly salt: string;
}

/** Reads the index of a database in whose processes nothing moves; undefined where there is none yet. */
export function readWalState(shmFile: string): WalState | undefined {
  let shm: Buffer;
  try {
    shm = readFileSync(shmFile);
  } catch {
    return undefined;
  }
  // The header is there twice, written one after the other. The first is the later one; half-written, the second holds.
  const [first, second] = [shm.subarray(0, 48), shm.subarray(48, 96)];
  const header = isWhole(first) ? first : second;
  if (shm.length < 136 || !isWhole(header)) return undefined;
  // The index is in the machine's own byte order; the salts are as in the WAL.
  const size = header.readUInt16LE(14);
  return {
    pageSize: size === 1 ? 65_536 : size,
    committed: header.readUInt32LE(16),
    copied: shm.readUInt32LE(96),
    copying: Math.max(shm.readUInt32LE(96), shm.readUInt32LE(128)),
    salt: header.subarray(32, 40).toString("hex"),
  };
}

/** By its checksum, of the 40 bytes before it. */
function isWhole(header: Buffer): boolean {
  if (header[12] === 0) return false;
  let [s1, s2] = [0, 0];
  for (let at = 0; at < 40; at += 8) {
    s1 = (s1 + header.readUInt32LE(at) + s2) >>> 0;
    s2 = (s2 + header.readUInt32LE(at + 4) + s1) >>> 0;
  }
  return header.readUInt32LE(40) === s1 && header.readUInt32LE(44) === s2;
}

export function walSalt(wal: Buffer): string {
  return wal.length < walHeader ? "" : wal.subarray(16, 24).toString("hex");
}

/** Where a frame begins, from 1. */
export function frameAt(frame: number, pageSize: number): number {
  return walHeader + (frame - 1) * (frameHeader + pageSize);
}

/** How many frames of this life of the file there are, whole ones, committed or not. */
export function framesIn(wal: Buffer, { pageSize, salt }: WalState): number {
  if (walSalt(wal) !== salt) return 0;
  let frames = 0;
  for (;;) {
    const at = frameAt(frames + 1, pageSize);
    if (at + frameHeader + pageSize > wal.length) return frames;
    if (wal.subarray(at + 8, at + 16).toString("hex") !== salt) return frames;
    frames++;
  }
}
