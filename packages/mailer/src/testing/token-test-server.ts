import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request for tokens, as it was heard. */
export interface TokenRequest {
  /** 1, 2, 3 … */
  readonly number: number;
  readonly refreshToken: string;
  readonly form: Readonly<Record<string, string>>;
}

/** What a token server answers: a status with a JSON body, a body as it is, or nothing at all. */
export type TokenTestAnswer =
  | { readonly status: number; readonly json: object; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  | "cut";

export interface TokenTestServerOptions {
  /** Refresh tokens that it takes at first. */
  readonly refreshTokens: readonly string[];
  /** Whether each answer has a new refresh token, and the old one is taken no longer. */
  readonly rotates?: boolean;
  /** Seconds for which its access tokens hold; 3,600 unless said. */
  readonly expiresIn?: number;
  /** What is answered instead of the usual; may wait. */
  readonly answer?: (request: TokenRequest) => TokenTestAnswer | undefined | Promise<TokenTestAnswer | undefined>;
}

export interface TokenTestServer {
  /** Its token endpoint. */
  readonly url: string;
  readonly requests: readonly TokenRequest[];
  /** Access tokens that it gave, in order. */
  readonly accessTokens: readonly string[];
  /** Refresh tokens that it takes now. */
  readonly refreshTokens: ReadonlySet<string>;
  /** Takes a refresh token no longer. */
  revoke(refreshToken: string): void;
  close(): Promise<void>;
}

/**
 * The token endpoint of an OAuth 2.0 server (RFC 6749 section 6) on this machine, over plain HTTP: it gives `access-1`,
 * `access-2` … for a refresh token that it knows, and `invalid_grant` for any other.
 */
export async function tokenTestServer(options: TokenTestServerOptions): Promise<TokenTestServer> {
  const { rotates = false, expiresIn = 3_600 } = options;
  const refreshTokens = new Set(options.refreshTokens);
  const requests: TokenRequest[] = [];
  const accessTokens: string[] = [];

  function usual({ refreshToken }: TokenRequest): TokenTestAnswer {
    if (!refreshTokens.has(refreshToken)) return { status: 400, json: { error: "invalid_grant" } };
    const number = accessTokens.length + 1;
    accessTokens.push(`access-${number}`);
    const tokens = { access_token: `access-${number}`, token_type: "Bearer", expires_in: expiresIn };
    if (!rotates) return { status: 200, json: tokens };
    refreshTokens.delete(refreshToken);
    refreshTokens.add(`refresh-${number}`);
    return { status: 200, json: { ...tokens, refresh_token: `refresh-${number}` } };
  }

  async function answered(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    const heard = { number: requests.length + 1, refreshToken: form.refresh_token ?? "", form };
    requests.push(heard);
    const answer = (await options.answer?.(heard)) ?? usual(heard);
    if (answer === "cut") return void request.socket.destroy();
    const body = "json" in answer ? JSON.stringify(answer.json) : answer.body;
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(body);
  }

  const server = createServer((request, response) => {
    // a client that goes away is no news
    answered(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/token`,
    requests,
    accessTokens,
    refreshTokens,
    revoke: (refreshToken) => void refreshTokens.delete(refreshToken),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
