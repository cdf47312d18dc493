/** Agents that keep connections for later requests, unless they have been free for long. */
import * as http from "node:http";
import * as https from "node:https";
import type { Clock } from "./ports.ts";

/**
 * Do not reuse a connection that has been free for longer, ms. While a function is frozen it does not notice that the other
 * side closes a connection, or that a gateway drops it. Timers do not help, because the first request after the freeze may
 * come before they run.
 */
const MOST_FREE_MS = 60_000;

/** One agent for plain HTTP and one for HTTPS. */
export interface FreshAgents {
  readonly plain: http.Agent;
  readonly secure: https.Agent;
  /** Closes connections that have been free for more than a minute; call it before each request. */
  dropStale(): void;
  /** Closes everything. */
  destroy(): void;
}

/** Makes a pair of agents that share their options. */
export function freshAgents(options: http.AgentOptions, clock: Clock): FreshAgents {
  /** When a connection became free, ms since 1970. */
  const freeSince = new WeakMap<object, number>();
  const note = (socket: object): void => {
    freeSince.set(socket, clock.now());
  };
  class Plain extends http.Agent {
    override keepSocketAlive(socket: Parameters<http.Agent["keepSocketAlive"]>[0]): void {
      note(socket);
      // Node reads the result, although the type has none.
      return super.keepSocketAlive(socket);
    }
  }
  class Secure extends https.Agent {
    override keepSocketAlive(socket: Parameters<https.Agent["keepSocketAlive"]>[0]): void {
      note(socket);
      // Node reads the result, although the type has none.
      return super.keepSocketAlive(socket);
    }
  }
  const agents = { plain: new Plain(options), secure: new Secure(options) };
  /** No connection is stale between these two times: the last look at all of them, and the end of the oldest one's minute. */
  let [checkedAt, staleAt] = [0, 0];
  return {
    ...agents,
    dropStale() {
      const now = clock.now();
      if (now >= checkedAt && now <= staleAt) return;
      [checkedAt, staleAt] = [now, now + MOST_FREE_MS];
      for (const agent of [agents.plain, agents.secure]) {
        for (const socket of Object.values(agent.freeSockets).flatMap((free) => free ?? [])) {
          const since = freeSince.get(socket) ?? 0;
          // After the clock was set back the age is unknown.
          if (Math.abs(now - since) > MOST_FREE_MS) socket.destroy();
          else staleAt = Math.min(staleAt, since + MOST_FREE_MS);
        }
      }
    },
    destroy() {
      agents.plain.destroy();
      agents.secure.destroy();
    },
  };
}
