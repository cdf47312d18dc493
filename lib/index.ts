/** What a deployer imports, in `functions/app.ts` and in code of its own. `docs/application.md` describes each. */
export { ActingWebApp } from "./application/acting-web-app.ts";
export type {
  CallbackHook,
  LifecycleEvent,
  LifecycleHook,
  LifecycleName,
  RawCallback,
  StateHook,
  SubscriptionData,
  SubscriptionDataHook,
  SubscriptionLifecycleEvent,
  TrustHook,
} from "./application/hooks.ts";
export { FanOutManager } from "./application/fan-out-manager.ts";
export { Verdict } from "./failed-events/hook-event.ts";
export { CallbackType } from "./failed-events/hook-event.ts";
export { CallbackProcessor } from "./receiving/intake/callback-processor.ts";
export { PeerCapabilities } from "./peers/capabilities.ts";
export { RemotePeerStore } from "./receiving/replica/remote-peer-store.ts";
