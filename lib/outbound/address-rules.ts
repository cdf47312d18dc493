import ipaddr from "ipaddr.js";
import { parsePeerUrl } from "../domain/peer-url.ts";

export interface AddressPolicy {
  /** Plain http is allowed beside https. */
  readonly allowHttp: boolean;
  /** Loopback and private networks are allowed. */
  readonly allowPrivate: boolean;
}

/**
 * `public`: an ordinary address of the internet. `private`: loopback, private, shared, reserved, tunnelled, translated and
 * everything else that is not plain global unicast; allowed only by policy. `never`: link-local networks and the addresses
 * where clouds hand credentials to their machines, in whatever disguise; no policy opens them, because no peer lives there.
 */
export type AddressKind = "public" | "private" | "never";

/** Where machines of AWS ask for their own credentials over IPv6; over IPv4 that is link-local, which is never allowed. */
const CLOUD_V6 = ipaddr.IPv6.parseCIDR("fd00:ec2::/32");
/** Alibaba's metadata service; Oracle's former one. */
const CLOUD_V4 = new Set(["100.100.100.200", "192.0.0.192"]);
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** Ranges that carry an IPv4 address in their last 32 bits: translation (64:ff9b::/96, 64:ff9b:1::/48), mapped, compatible, ISATAP is judged apart. */
const EMBEDDING = ["::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"].map((cidr) =>
  ipaddr.IPv6.parseCIDR(cidr),
);
const SIX_TO_FOUR = ipaddr.IPv6.parseCIDR("2002::/16");
const TEREDO = ipaddr.IPv6.parseCIDR("2001::/32");

/** Judges one address, as a resolver gives it or an URL spells it (no brackets). What is no address is `never`. */
export function kindOfAddress(address: string): AddressKind {
  // A zone id only makes sense for link-local addresses.
  if (address.includes("%")) return "never";
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return kindOfV4(ipaddr.IPv4.parse(address));
  if (!ipaddr.IPv6.isValid(address)) return "never";
  return kindOfV6(ipaddr.IPv6.parse(address));
}

function kindOfV4(address: ipaddr.IPv4): AddressKind {
  const range = address.range();
  if (range === "linkLocal" || CLOUD_V4.has(address.toString())) return "never";
  if (range === "multicast" || range === "broadcast") return "never";
  return range === "unicast" ? "public" : "private";
}

function kindOfV6(address: ipaddr.IPv6): AddressKind {
  const range = address.range();
  if (range === "linkLocal" || range === "multicast" || address.match(CLOUD_V6)) return "never";
  // What reaches an IPv4 address through IPv6 is never public here, and never at all when that one is.
  const inner = embeddedV4(address);
  if (inner !== undefined) return kindOfV4(inner) === "never" ? "never" : "private";
  return range === "unicast" && address.match(GLOBAL_UNICAST) ? "public" : "private";
}

function embeddedV4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  if (EMBEDDING.some((range) => address.match(range))) return new ipaddr.IPv4(bytes.slice(12));
  if (address.match(SIX_TO_FOUR)) return new ipaddr.IPv4(bytes.slice(2, 6));
  if (address.match(TEREDO)) return new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff));
  return undefined;
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

/** True when the host is an address, in the form a parsed URL has. */
export function isAddress(host: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
}

/**
 * Everything about a URL that can be judged before a name is resolved. Gives the parsed URL, or the reason (safe to show)
 * why we do not connect. Decimal, hexadecimal, octal and short spellings of IPv4 are what they stand for by then.
 */
export function judgeUrl(text: string, policy: AddressPolicy): URL | { readonly refused: string } {
  const url = parsePeerUrl(text);
  if (url === undefined) return { refused: "it is no http(s) URL without user name and password" };
  if (url.protocol !== "https:" && !policy.allowHttp) return { refused: "only https is allowed" };
  if (url.port === "0") return { refused: "port 0 is nobody's" };
  const host = hostOf(url);
  if (isAddress(host)) {
    return addressAllowed(host, policy) ? url : { refused: "its address is not public" };
  }
  const local = host === "localhost" || host.endsWith(".localhost");
  if (local && !policy.allowPrivate) return { refused: "its host is this machine" };
  return url;
}
