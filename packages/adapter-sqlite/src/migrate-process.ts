// Run by migrate.test.ts: opens handles on the file argv[2], waits for a line on stdin, migrates through all of them.
import { once } from "node:events";
import Database from "better-sqlite3";
import { sqliteStore } from "./index.js";

const [, , file = "", handles = "1"] = process.argv;
const stores = Array.from({ length: Number(handles) }, () => sqliteStore(new Database(file, { timeout: 0 })));
console.log("ready");
await once(process.stdin, "data");
const reports = await Promise.all(stores.map((store) => store.migrate()));
console.log(JSON.stringify(reports.map((report) => report.applied)));
process.exit();
