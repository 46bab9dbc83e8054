import type { Socket } from "node:net";

/** Hears of each whole line that arrives. Not readline: it throws what a peer's death does to the socket. */
export function onLine(socket: Socket, listener: (line: string) => void): void {
  let rest = "";
  socket.on("error", () => {});
  socket.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) listener(line);
  });
}
