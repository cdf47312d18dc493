/** Raw requests to the emulator, the measure of everything else on the same machine. */
import { fileURLToPath } from "node:url";
import { BenchProcess } from "./child-process.ts";
import type { RawReport } from "./raw-process.ts";

const PROGRAM = fileURLToPath(new URL("raw-process.ts", import.meta.url));

/**
 * The requests of callbacks through the document client as published, with its default configuration, from a process of
 * their own and in a table of their own beside the service's.
 */
export class RawRequests implements AsyncDisposable {
  readonly #child: BenchProcess;

  private constructor(child: BenchProcess) {
    this.#child = child;
  }

  static async open(endpoint: string): Promise<RawRequests> {
    const { child } = await BenchProcess.start(PROGRAM, [endpoint]);
    return new RawRequests(child);
  }

  /** Sends that many requests, one after another in each lane, and measures them. */
  async send(lanes: number, each: number): Promise<RawReport> {
    return await this.#child.ask(JSON.stringify({ lanes, each }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}
