import { lookup as systemLookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { PeerFailure } from "../../system/ports.ts";
import { type AddressPolicy, addressAllowed } from "./address-rules.ts";

/** Gives every address of a name; rejects when there is none. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** The addresses that the machine itself would connect to: hosts file, then DNS. */
export const systemResolve: Resolve = (host) => systemLookup(host, { all: true, order: "verbatim" });

/**
 * A lookup for sockets that gives exactly the addresses that were checked, so a name cannot mean one machine at the check and
 * another at the connection. One forbidden address forbids the name. Fails with `PeerFailure` `refused` or `unreachable`.
 */
export function checkedLookup(resolve: Resolve, policy: AddressPolicy): LookupFunction {
  return (host, options, callback) => {
    void (async () => {
      let answer: Awaited<ReturnType<Resolve>>;
      try {
        answer = await resolve(host);
      } catch {
        callback(new PeerFailure("unreachable", "The peer's host name does not resolve."), []);
        return;
      }
      const family = options.family === 4 || options.family === "IPv4" ? 4 : options.family === 6 ? 6 : 0;
      const addresses = answer.filter((found) => family === 0 || found.family === family);
      const first = addresses[0];
      if (first === undefined) {
        callback(new PeerFailure("unreachable", "The peer's host name does not resolve."), []);
        return;
      }
      if (!answer.every((found) => addressAllowed(found.address, policy))) {
        callback(new PeerFailure("refused", "The peer's host name leads to an address that is not public."), []);
        return;
      }
      if (options.all === true) {
        callback(null, [...addresses]);
        return;
      }
      callback(null, first.address, first.family);
    })();
  };
}
