/** The way out to WebSub subscribers: the state of one topic at a time. */
import { createHmac } from "node:crypto";
import { topicLinks } from "../../domain/wire/hub-topic.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import type { PreparedAttempt, Tried, WayOut } from "../../engine/way-out.ts";
import { compact } from "../../system/compact.ts";
import type { Config } from "../../system/config.ts";
import type { Log, PeerHttp } from "../../system/ports.ts";
import { isActive, type ActiveSubscription, type HubSubscription } from "./hub-subscription.ts";
import type { TopicState } from "./topic-states.ts";
import { isPeerFailure } from "./verification.ts";

export interface HubWayDeps {
  readonly http: PeerHttp;
  readonly log: Pick<Log, "info">;
  readonly config: Pick<Config, "baseUrl">;
}

/** A verified subscription as it was stored when the delivery began. */
export type Subscriber = HubSubscription & { readonly active: ActiveSubscription };

/** The status of the answer; undefined: no answer came. */
export type HubAnswer = number | undefined;

/** The result of a delivery. `gone`: the subscriber wants no more states, so its subscription ends. */
export type HubOutcome = "taken" | "failed" | "gone";

/** The way out to WebSub subscribers. They get no events, but the newest state of a topic. */
export class HubWay implements WayOut<Subscriber, TopicState, HubAnswer, HubOutcome> {
  readonly #deps: HubWayDeps;

  constructor(deps: HubWayDeps) {
    this.#deps = deps;
  }

  /** Sends the bytes that a GET of the topic answers, signed if the subscriber has given a secret. */
  render({ key, path, callback, active }: Subscriber, state: TopicState): Promise<PreparedAttempt<HubAnswer>> {
    const { http, config } = this.#deps;
    const { secret } = active;
    const signature =
      secret === undefined ? undefined : `sha256=${createHmac("sha256", secret).update(state.body).digest("hex")}`;
    const link = topicLinks(`${config.baseUrl}/${actorOfKey(key)}`, path);
    const request = {
      method: "POST",
      url: callback,
      headers: compact({ link, "x-hub-signature": signature }),
      body: { bytes: state.body, type: state.contentType },
      statusOnly: true,
    } as const;
    return Promise.resolve(async (timeoutMs) => {
      try {
        return (await http.send({ ...request, timeoutMs })).status;
      } catch (error) {
        if (isPeerFailure(error)) return undefined;
        throw error;
      }
    });
  }

  classify(answer: HubAnswer): HubOutcome {
    if (answer === 410) return "gone";
    return answer !== undefined && answer >= 200 && answer < 300 ? "taken" : "failed";
  }

  /** The log gets only the origin of the callback, because the rest of the URL may be a secret. */
  onFailure({ key, path, callback, active }: Subscriber, tried: Tried<TopicState, HubAnswer, HubOutcome>): void {
    const topic = path.join("/");
    const of = { actorId: actorOfKey(key), topic, callback: new URL(callback).origin };
    if (tried.outcome === "taken") {
      this.#deps.log.info("a subscriber at the hub takes states again", { ...of, failures: active.failures });
    } else {
      const fields = { ...of, ...compact({ status: tried.answer }), failures: active.failures + 1 };
      this.#deps.log.info("a subscriber at the hub did not take a state", fields);
    }
  }

  ends(subscription: HubSubscription, now: number): string | undefined {
    return isActive(subscription, now)
      ? undefined
      : "The subscription is not verified, withdrawn, or its lease is over.";
  }
}
