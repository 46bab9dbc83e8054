import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** One connection through the proxy that has asked for what is watched. */
export interface WatchedConnection {
  /** Milliseconds since 1970 of its first such request. */
  readonly since: number;
  /** Bytes of the server's, and of the client's, that were swallowed. */
  readonly swallowed: { server: number; client: number };
  readonly isSilent: boolean;
  readonly isOpen: boolean;
}

export interface SilentProxy {
  readonly port: number;
  /** Those that have sent the text, in their order. */
  readonly watched: readonly WatchedConnection[];
  /** From now on nothing passes over the open connections that have sent the text; neither side hears of it. */
  silence(): void;
  close(): Promise<void>;
}

/**
 * Stands between clients and a Postgres server, and can make connections half-open: nothing comes through any more, in
 * either direction, and nobody closes. So it is when a firewall forgets a connection, or a machine is gone. It concerns
 * only connections on which a request has held `request`, such as `LISTEN`.
 */
export async function startSilentProxy(serverUrl: string, request: string): Promise<SilentProxy> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const watched: { -readonly [Name in keyof WatchedConnection]: WatchedConnection[Name] }[] = [];

  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port || 5432), noDelay: true });
    let mine: (typeof watched)[number] | undefined;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    client.on("close", () => {
      if (mine !== undefined) mine.isOpen = false;
      server.destroy();
    });
    // a silent client must not hear that the server is gone
    server.on("close", () => {
      if (mine?.isSilent !== true) client.destroy();
    });
    client.on("data", (data) => {
      if (mine === undefined && data.includes(request)) {
        mine = { since: Date.now(), swallowed: { server: 0, client: 0 }, isSilent: false, isOpen: true };
        watched.push(mine);
      }
      if (mine?.isSilent === true) mine.swallowed.client += data.length;
      else server.write(data);
    });
    server.on("data", (data) => {
      if (mine?.isSilent === true) mine.swallowed.server += data.length;
      else client.write(data);
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");

  return {
    port: (proxy.address() as AddressInfo).port,
    watched,
    silence() {
      for (const connection of watched) if (connection.isOpen) connection.isSilent = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
