/** Trust, and what follows from its changes for the subscriptions of both directions. */
import { wakeMaintenance } from "../publishing/delivery/change-log-maintenance.ts";
import { removeStandaloneStreams } from "../receiving/intake/standalone-streams.ts";
import { trustServices } from "../trust/trust-services.ts";
import type { TrustServices } from "../trust/trust-services.ts";
import type { PublishingServices } from "./publishing.ts";
import type { ReceivingServices } from "./receiving.ts";
import type { Runtime } from "./runtime.ts";

export function composeTrust(
  base: Runtime,
  { heads, outbound, outboundEnding }: ReceivingServices,
  { commits, calls, inbound }: PublishingServices,
): TrustServices {
  return trustServices(
    { ...base, commits, calls },
    {
      approved: async ({ actorId, peerId }, digest, revision) => {
        await heads.authorize(actorId, peerId, digest, revision);
        await outbound.catchUpAll(actorId, peerId);
        await wakeMaintenance(base, actorId);
      },
      revoked: async ({ actorId, peerId }, revision) => {
        await heads.authorize(actorId, peerId, undefined, revision);
      },
      ended: async ({ actorId, peerId }, options) => {
        await outboundEnding.endAll(actorId, peerId, options);
        await inbound.endAll(actorId, peerId);
        await removeStandaloneStreams(base.table, actorId, peerId);
      },
    },
  );
}
