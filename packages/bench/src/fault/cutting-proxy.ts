import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * When a connection is cut, counted from the client's next request of the kind that is cut:
 *
 * - `received`: as soon as the request is handed to the server's socket; the server may still be at work on it when the
 *   client asks again
 * - `committed`: when the server has answered that it is idle again, so its transaction is over
 *
 * In both cases the client gets nothing of the answer.
 */
export type Cut = "received" | "committed";

export interface CuttingProxy {
  readonly port: number;
  /** The next request of that kind is cut; `onCut` hears of it. */
  arm(cut: Cut, onCut: () => void): void;
  close(): Promise<void>;
}

/** ReadyForQuery outside of any transaction: how each of a server's answers ends. */
const idle = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/**
 * Stands between a client and a Postgres server, and passes everything on until it is armed. Requests of the kind that is
 * cut hold the text `request`, such as a statement's name; a new connection begins with others.
 */
export async function startCuttingProxy(serverUrl: string, request: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let armed: { readonly cut: Cut; readonly onCut: () => void } | undefined;

  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port || 5432), noDelay: true });
    // after the first idle the log-in is over, and what the client sends is a request
    let loggedIn = false;
    let cutting: (() => void) | undefined;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    client.on("close", () => server.end());
    server.on("close", () => client.destroy());
    client.on("data", (data) => {
      if (armed === undefined || !loggedIn || !data.includes(request)) {
        server.write(data);
        return;
      }
      const { cut, onCut } = armed;
      armed = undefined;
      cutting = () => {
        onCut();
        client.destroy();
      };
      if (cut === "received") server.write(data, cutting);
      else server.write(data);
    });
    server.on("data", (data) => {
      const over = data.subarray(-idle.length).equals(idle);
      if (cutting === undefined) client.write(data);
      else if (over && !client.destroyed) cutting();
      loggedIn ||= over;
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");

  return {
    port: (proxy.address() as AddressInfo).port,
    arm: (cut, onCut) => {
      armed = { cut, onCut };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
