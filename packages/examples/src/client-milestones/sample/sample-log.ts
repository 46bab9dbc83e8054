import { randomSequence } from "../../random-sequence.js";
import type { DeliveryStatus } from "../delivery.js";

/** How many emails of each client the bundled log holds, and how many of them arrived. */
const shares = [
  { client: "northwind", delivered: 10_480, lost: 340 },
  { client: "bluebird", delivered: 1_960, lost: 85 },
  { client: "quarry-lane", delivered: 140, lost: 6 },
  { client: "kestrel", delivered: 31, lost: 3 },
  { client: "oat-and-olive", delivered: 7, lost: 1 },
  { client: "lantern", delivered: 0, lost: 24 },
];

const names = ["amy", "bo", "cleo", "dan", "eva", "finn", "gus", "ines", "jay", "kai", "lou", "mia", "ned", "pia"];
const firstAt = Date.parse("2026-01-05T08:00:00Z");

/** The text of `deliveries.csv`: every byte of it follows from the seed. */
export function sampleLog(seed = 20_260_105): string {
  const random = randomSequence(seed);
  const rows = shares.flatMap(({ client, delivered, lost }) => [
    ...Array.from({ length: delivered }, () => ({ client, status: "delivered" as DeliveryStatus })),
    ...Array.from({ length: lost }, () => ({
      client,
      status: (random() < 0.6 ? "bounced" : "failed") as DeliveryStatus,
    })),
  ]);
  // Fisher-Yates: the clients' emails go out side by side
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  let at = firstAt;
  const lines = rows.map(({ client, status }, i) => {
    at += 1_000 * (1 + Math.floor(random() * 240));
    const name = names[Math.floor(random() * names.length)];
    const address = `${name}${Math.floor(random() * 1_000)}@example.net`;
    const time = new Date(at).toISOString().replace(".000Z", "Z");
    return `d-${String(i + 1).padStart(6, "0")},${client},${address},${status},${time}`;
  });
  return `id,client,address,status,delivered_at\n${lines.join("\n")}\n`;
}
