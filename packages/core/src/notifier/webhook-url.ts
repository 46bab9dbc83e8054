import { isIP } from "node:net";
import type { AddressGuard } from "./address-guard.js";

export interface WebhookUrlRules {
  readonly allowHttp: boolean;
  /** Exactly these; without them 443, 80 and all above 1023. */
  readonly ports: readonly number[] | undefined;
  readonly guard: AddressGuard;
}

/**
 * A recipient's address as a URL that may be called, or why not; quotes nothing of it. The URL standard has turned an IPv4
 * address in any notation (`0x7f000001`, `127.1`, `0`) into four decimal numbers by then. Node looks up no literal address,
 * so it is looked at here; names are by {@link AddressGuard.lookup}.
 */
export function webhookUrl(address: string, { allowHttp, ports, guard }: WebhookUrlRules): URL | string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) return "its address is no URL";
  if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:"))
    return "its address does not begin with https:";
  if (url.username !== "" || url.password !== "") return "its address names a user";
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (!(ports?.includes(port) ?? (port === 443 || port === 80 || port > 1023))) return "its port may not be called";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0 && !guard.allows(host)) return "its address may not be called";
  return url;
}
