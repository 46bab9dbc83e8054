import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * What no stranger's URL may lead to: everything that the IANA registries of special-purpose addresses do not call globally
 * reachable (RFC 6890 and its updates), multicast, and the old 6to4 relays.
 */
const special4: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/**
 * Of IPv6 only global unicast, 2000::/3, is taken, so loopback, link-local, unique local, multicast, mapped IPv4 and NAT64
 * (64:ff9b::/96, which leads to any IPv4 address) are out from the start. Inside of it these: protocol assignments with
 * Teredo, documentation, and 6to4, which again leads to any IPv4 address.
 */
const global6 = "2000::/3";
const special6: readonly string[] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/** An address with its number of leading bits, or a single one; undefined where a text is neither. */
export function subnetOf(text: string): Subnet | undefined {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || more.length > 0) return undefined;
  const length = version === 4 ? 32 : 128;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= length)) return undefined;
  return { address, bits: bits === undefined ? length : Number(bits), family: version === 4 ? "ipv4" : "ipv6" };
}

interface Subnet {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

function listOf(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of subnets) {
    const { address, bits, family } = subnetOf(text)!;
    list.addSubnet(address, bits, family);
  }
  return list;
}

/** Finding an address for a name came to one that must not be called, and to no other. */
export class BlockedAddress extends Error {
  override readonly name = "BlockedAddress";
  constructor() {
    super("its address may not be called");
  }
}

/** As `dns.lookup` with `all`. */
export type AddressLookup = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface AddressGuard {
  /** Whether an IPv4 or IPv6 address may be connected to. */
  allows(address: string): boolean;
  /**
   * For `net.connect`: looks a name up once and answers only what may be connected to, so that what is checked is what is
   * connected to. A check before the connection would be a check of another answer.
   */
  readonly lookup: LookupFunction;
}

/** Guards against server-side request forgery: only public addresses, and those that are allowed by name. */
export function addressGuard(allowed: readonly string[], resolve: AddressLookup = systemLookup): AddressGuard {
  const own = listOf(allowed);
  const special = listOf([...special4, ...special6]);
  const unicast = listOf([global6]);

  function allows(address: string): boolean {
    const version = isIP(address);
    // one with a zone, as fe80::1%eth0, is local by its meaning
    if (version === 0 || address.includes("%")) return false;
    const family = version === 4 ? "ipv4" : "ipv6";
    if (own.check(address, family)) return true;
    return (version === 4 || unicast.check(address, family)) && !special.check(address, family);
  }

  return {
    allows,
    lookup(hostname, options, callback) {
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, []);
        const usable = found.filter(({ address }) => allows(address));
        const [first] = usable;
        if (first === undefined) return callback(new BlockedAddress(), []);
        if (options.all === true) callback(null, usable);
        else callback(null, first.address, first.family);
      });
    },
  };
}
