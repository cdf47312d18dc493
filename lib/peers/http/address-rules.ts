import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { parsePeerUrl } from "../../domain/terms/peer-url.ts";

export interface AddressPolicy {
  /** Plain http is allowed beside https. */
  readonly allowHttp: boolean;
  /** Loopback and private networks are allowed. */
  readonly allowPrivate: boolean;
}

/**
 * `public`: an ordinary address of the internet. `private`: loopback, private, shared, reserved, tunnelled, translated and
 * every other address that is not plain global unicast; allowed only by policy. `never`: link-local networks and the addresses
 * at which clouds give credentials to their machines, in any spelling; no policy allows them, because no peer is there.
 */
type AddressKind = "public" | "private" | "never";

/** Link-local networks, multicast and broadcast; Alibaba's metadata service; Oracle's former one. */
const NEVER_V4 = v4("169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "100.100.100.200/32", "192.0.0.192/32");
/** The other special addresses of the registry: this network, private, shared, for examples and measuring, reserved. */
const PRIVATE_V4 = v4(
  ...["0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"],
  ...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "192.88.99.0/24", "192.31.196.0/24"],
  ...["192.52.193.0/24", "192.175.48.0/24", "240.0.0.0/4"],
);
/** Link-local and multicast; the address where machines of AWS get their credentials (over IPv4 that is link-local). */
const NEVER_V6 = v6("fe80::/10", "ff00::/8", "fd00:ec2::/32");
const GLOBAL_UNICAST = v6("2000::/3");
/** The parts of it that are not plain unicast: for protocols (Teredo and more), for examples, 6to4, and for stray reverse lookups. */
const SPECIAL_UNICAST = v6("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16", "2620:4f:8000::/48");
/** Ranges that carry an IPv4 address in their last 32 bits: compatible, mapped, translated (two kinds, and a local one). */
const EMBEDDING = v6("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48");
const SIX_TO_FOUR = v6("2002::/16");
const TEREDO = v6("2001::/32");

/** The kind of an address, as a resolver gives it or a URL spells it (no brackets). A text that is no address is `never`. */
export function kindOfAddress(address: string): AddressKind {
  // A zone id only makes sense for link-local addresses.
  if (address.includes("%")) return "never";
  if (isIPv4(address)) return kindOfV4(address);
  return isIPv6(address) ? kindOfV6(address) : "never";
}

function kindOfV4(address: string): AddressKind {
  if (NEVER_V4(address)) return "never";
  return PRIVATE_V4(address) ? "private" : "public";
}

function kindOfV6(address: string): AddressKind {
  if (NEVER_V6(address)) return "never";
  // An IPv6 address that leads to an IPv4 address is never public; when that one is `never`, so is this.
  const inner = embeddedV4(address);
  if (inner !== undefined) return kindOfV4(inner) === "never" ? "never" : "private";
  return GLOBAL_UNICAST(address) && !SPECIAL_UNICAST(address) ? "public" : "private";
}

function embeddedV4(address: string): string | undefined {
  const groups = groupsOf(address);
  if (EMBEDDING(address)) return dotted(groups.slice(6));
  if (SIX_TO_FOUR(address)) return dotted(groups.slice(1, 3));
  if (TEREDO(address)) return dotted(groups.slice(6).map((group) => group ^ 0xffff));
  return undefined;
}

/** The eight numbers of a valid IPv6 address, whose last two may be spelt as an IPv4 address. */
function groupsOf(address: string): readonly number[] {
  const hexadecimal = address.replace(/[\d.]+\.[\d.]+$/, (tail) => {
    const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = [], after = []] = hexadecimal
    .split("::")
    .map((half) => (half === "" ? [] : half.split(":").map((group) => Number.parseInt(group, 16))));
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function dotted(groups: readonly number[]): string {
  return groups.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}

function v4(...networks: readonly string[]): (address: string) => boolean {
  return within("ipv4", networks);
}

function v6(...networks: readonly string[]): (address: string) => boolean {
  return within("ipv6", networks);
}

/** Each list has one family: in a list of both, a mapped address would match the rules of the other family. */
function within(family: "ipv4" | "ipv6", networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [start = "", bits] = network.split("/");
    list.addSubnet(start, Number(bits), family);
  }
  return (address) => list.check(address, family);
}

/** True when the policy lets us connect to this address. */
export function addressAllowed(address: string, policy: AddressPolicy): boolean {
  const kind = kindOfAddress(address);
  return kind === "public" || (kind === "private" && policy.allowPrivate);
}

/** The host of a parsed URL as an address or a name: without brackets, without a trailing dot. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

/** True when the host is an address, in the form a parsed URL has: exactly what Node connects to without a lookup. */
export function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}

/**
 * Checks everything about a URL that needs no resolution of a name. Gives the parsed URL, or the reason (safe to show) why we do
 * not connect. Parsing has normalised decimal, hexadecimal, octal and short spellings of IPv4 by then.
 */
export function judgeUrl(text: string, policy: AddressPolicy): URL | { readonly refused: string } {
  const url = parsePeerUrl(text);
  if (url === undefined) return { refused: "it is no http(s) URL without user name and password" };
  if (url.protocol !== "https:" && !policy.allowHttp) return { refused: "only https is allowed" };
  if (url.port === "0") return { refused: "no host listens on port 0" };
  const host = hostOf(url);
  if (isAddress(host)) {
    return addressAllowed(host, policy) ? url : { refused: "its address is not public" };
  }
  const local = host === "localhost" || host.endsWith(".localhost");
  if (local && !policy.allowPrivate) return { refused: "its host is this machine" };
  return url;
}
