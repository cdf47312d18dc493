import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { OwnedActor } from "../support/owned-actor.ts";
import { ask } from "../support/publisher/wire.ts";
import { BenchProcess } from "./child-process.ts";
import { RawRequests } from "./raw-requests.ts";
import type { StackCounts, StackPlace } from "./stack-process.ts";

const PROGRAM = fileURLToPath(new URL("stack-process.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A checkout whose stack is measured, and what it is called in the report. */
export interface Checkout {
  readonly name: string;
  readonly root: string;
  /** The folder of its bundles and templates. */
  readonly dist: string;
}

/** This checkout, as the build has made it. */
export const HERE: Checkout = { name: "", root: ROOT, dist: path.join(ROOT, "dist") };

/** A local stack in a process of its own, its data in a folder that goes with it, and raw requests to its emulator. */
export class BenchStack implements AsyncDisposable {
  readonly checkout: Checkout;
  readonly url: string;
  readonly raw: RawRequests;
  readonly #child: BenchProcess;
  readonly #folder: string;

  private constructor(checkout: Checkout, of: { url: string; raw: RawRequests; child: BenchProcess; folder: string }) {
    this.checkout = checkout;
    this.url = of.url;
    this.raw = of.raw;
    this.#child = of.child;
    this.#folder = of.folder;
  }

  /**
   * Starts the stack of a checkout with these operator variables.
   * @throws Error with the stack's last words when it does not start
   */
  static async start(checkout: Checkout, settings: Readonly<Record<string, string>> = {}): Promise<BenchStack> {
    const folder = await mkdtemp(path.join(tmpdir(), "bench-"));
    const named = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    const args = [checkout.root, checkout.dist, folder, ...named];
    const { child, first } = await BenchProcess.start(PROGRAM, args);
    const { url, endpoint } = first as StackPlace;
    const raw = await RawRequests.open(endpoint);
    return new BenchStack(checkout, { url, raw, child, folder });
  }

  /** What the stack has done until now. */
  async counts(): Promise<StackCounts> {
    return await this.#child.ask("counts");
  }

  /** Profiles what the functions do during the work. Gives a file of profiles, one for each function, which the caller removes. */
  async profiled(file: string, work: () => Promise<unknown>): Promise<void> {
    await this.#child.ask("profile");
    await work();
    await this.#child.ask(`profiled ${file}`);
  }

  /** A new actor, as its owner. */
  async actor(): Promise<OwnedActor> {
    const made = await ask(`${this.url}/`, { method: "POST", json: { creator: "bench" } });
    return new OwnedActor(this.url, made.json as { id: string; creator: string; passphrase: string });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.raw[Symbol.asyncDispose]();
    await this.#child[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
