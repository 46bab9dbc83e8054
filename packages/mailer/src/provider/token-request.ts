import type { OAuthCredentials } from "@milepost/core";
import * as oauth from "oauth4webapi";

/** What a token server answered. */
export type TokenAnswer =
  | { readonly kind: "tokens"; readonly credentials: OAuthCredentials }
  /** It takes these credentials no longer: only a person can put it right. */
  | { readonly kind: "refused"; readonly why: string }
  /** No answer, or none that can be read: a later request may be answered. */
  | { readonly kind: "unavailable"; readonly why: string };

/** RFC 6749 section 5.2: what asking again will not change. */
const refusals: ReadonlySet<string> = new Set([
  "invalid_grant",
  "invalid_client",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
  "invalid_request",
]);

/** Milliseconds that a token server is given. */
export const tokenTime = 15_000;

/** RFC 6749 section 5.1 leaves the access token's characters open; RFC 6750 section 2.1 does not, and neither does SMTP. */
const writable = /^[!-~]{1,10000}$/;

/**
 * Renews an access token by its refresh token (RFC 6749 section 6). A server may give a new refresh token with it, and take
 * the old one no longer. `now` in milliseconds. Never throws; no word of the server's is passed on but its error code.
 */
export async function requestTokens(
  credentials: OAuthCredentials & { readonly refreshToken: string },
  tokenUrl: string,
  now: number,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  const server: oauth.AuthorizationServer = { issuer: new URL(tokenUrl).origin, token_endpoint: tokenUrl };
  const client: oauth.Client = { client_id: credentials.clientId };
  const { clientSecret, scopes } = credentials;
  // an id token would be checked against an issuer that nobody has told us
  const asked = scopes?.filter((scope) => scope !== "openid") ?? [];
  try {
    const response = await oauth.refreshTokenGrantRequest(
      server,
      client,
      clientSecret === undefined ? oauth.None() : oauth.ClientSecretPost(clientSecret),
      credentials.refreshToken,
      {
        signal: AbortSignal.any([signal, AbortSignal.timeout(tokenTime)]),
        [oauth.allowInsecureRequests]: tokenUrl.startsWith("http://"),
        ...(asked.length > 0 && { additionalParameters: { scope: asked.join(" ") } }),
      },
    );
    const answer = await oauth.processRefreshTokenResponse(server, client, response);
    const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, token_type: type } = answer;
    const known = [accessToken, ...(refreshToken === undefined ? [] : [refreshToken])];
    if (type !== "bearer" || !known.every((token) => writable.test(token))) return unavailable("an answer of no use");
    const { expiresAt: _, ...kept } = credentials;
    return {
      kind: "tokens",
      credentials: {
        ...kept,
        accessToken,
        ...(refreshToken !== undefined && { refreshToken }),
        ...(expiresIn !== undefined && { expiresAt: new Date(now + expiresIn * 1_000) }),
      },
    };
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) {
      if (refusals.has(error.error)) return { kind: "refused", why: `the token server refused: ${error.error}` };
      return unavailable(`an error, status ${error.status}`);
    }
    // RFC 6749 section 5.2: a client that is unknown may be answered by 401 with a challenge
    if (error instanceof oauth.WWWAuthenticateChallengeError && error.status === 401) {
      return { kind: "refused", why: "the token server refused: invalid_client" };
    }
    return unavailable(error instanceof oauth.OperationProcessingError ? "an answer of no use" : "no answer");
  }
}

function unavailable(what: string): TokenAnswer {
  return { kind: "unavailable", why: `the token server gave ${what}` };
}
