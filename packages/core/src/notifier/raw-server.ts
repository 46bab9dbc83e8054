import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

// For tests: a server below HTTP, for what no HTTP server does.

export interface RawServer {
  readonly port: number;
  /** Connections that were opened. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Hands each connection to `serve`, with its number from 1 on. */
export async function rawServer(serve: (socket: Socket, number: number) => void): Promise<RawServer> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    serve(socket, ++connections);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Calls back once a whole request has come in, with its text; for each request of the connection. */
export function onRequest(socket: Socket, listener: (text: string) => void): void {
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    text += part;
    const end = text.indexOf("\r\n\r\n");
    const length = /\r\ncontent-length: (\d+)/i.exec(text);
    if (end === -1 || length === null || text.length < end + 4 + Number(length[1])) return;
    const whole = text;
    text = "";
    listener(whole);
  });
}
