/** Trust, and what follows from its changes for the subscriptions of both directions. */
import { wakeMaintenance } from "../publishing/delivery/change-log-maintenance.ts";
import { removeStandaloneStreams } from "../receiving/intake/standalone-streams.ts";
import { trustServices, type TrustServices } from "../trust/trust-services.ts";
import type { PublishingServices } from "./publishing.ts";
import type { ReceivingServices } from "./receiving.ts";
import type { Runtime } from "./runtime.ts";

/** Puts trust together, last of the three: its changes open, close and end the subscriptions of both sides. */
export function composeTrust(
  base: Runtime,
  { heads, outbound, outboundEnding }: ReceivingServices,
  { commits, calls, inbound }: PublishingServices,
): TrustServices {
  return trustServices(
    { ...base, commits, calls },
    {
      approved: async (peer, digest, revision) => {
        await heads.authorize(peer, digest, revision);
        await outbound.catchUpAll(peer);
        await wakeMaintenance(base, peer.actorId);
      },
      revoked: async (peer, revision) => {
        await heads.authorize(peer, undefined, revision);
      },
      ended: async (peer, options) => {
        const { actorId, peerId } = peer;
        await outboundEnding.endAll(peer, options);
        await inbound.endAll(actorId, peerId);
        await removeStandaloneStreams(base.table, actorId, peerId);
      },
    },
  );
}
