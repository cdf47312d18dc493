/** A program of the bench in a process of its own, which answers each line on its standard input with one line. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const LOG_CHARACTERS = 4000;

export class BenchProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #gone: Promise<unknown>;
  /**
   * The folder of the file with its standard error, where functions write a line for each request. A pipe would wake this
   * process at each line, in the middle of what it measures.
   */
  readonly #folder = mkdtempSync(path.join(tmpdir(), "bench-log-"));

  private constructor(program: string, args: readonly string[]) {
    const log = openSync(this.#logFile, "a");
    const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", log] });
    this.#child = child as ChildProcessByStdio<Writable, Readable, null>;
    closeSync(log);
    this.#gone = once(this.#child, "exit");
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  /**
   * Starts the program and waits for its first line, which is JSON.
   * @throws Error with the program's last words when it ends instead
   */
  static async start(program: string, args: readonly string[]): Promise<{ child: BenchProcess; first: unknown }> {
    const child = new BenchProcess(program, args);
    return { child, first: await child.#line() };
  }

  /** Sends one line, and gives the answer's JSON. Asked once at a time. @throws Error when the program has ended */
  async ask<T>(line: string): Promise<T> {
    const answer = this.#line<T>();
    this.#child.stdin.write(`${line}\n`);
    return await answer;
  }

  /** Ends the program by the end of its standard input. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #logFile(): string {
    return path.join(this.#folder, "log");
  }

  async #line<T>(): Promise<T> {
    const ended = this.#gone.then(() => {
      const words = readFileSync(this.#logFile, "utf8").slice(-LOG_CHARACTERS);
      throw new Error(`The program has ended. Its last words:\n${words}`);
    });
    const [line] = (await Promise.race([once(this.#lines, "line"), ended])) as [string];
    return JSON.parse(line) as T;
  }
}
