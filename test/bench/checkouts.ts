/** Older commits whose stacks are measured beside this checkout's. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { HERE, type Checkout } from "./bench-stack.ts";

const run = promisify(execFile);

/** A worktree of a commit, built, for as long as it is measured. */
export class OldCheckout implements Checkout, AsyncDisposable {
  readonly name: string;
  readonly root: string;
  readonly dist: string;

  private constructor(name: string, root: string) {
    this.name = name;
    this.root = root;
    this.dist = path.join(root, "dist");
  }

  /**
   * Checks the commit out into a temporary folder, with this checkout's packages when its lock file is the same, and builds
   * it.
   * @throws Error when git does not know the commit, or it does not build
   */
  static async open(revision: string): Promise<OldCheckout> {
    const folder = await mkdtemp(path.join(tmpdir(), "beside-"));
    const root = path.join(folder, "checkout");
    const git = (...args: readonly string[]) => run("git", ["-C", HERE.root, ...args]);
    await git("worktree", "add", "--detach", root, revision);
    const old = new OldCheckout(revision, root);
    try {
      const { stdout: changed } = await git("diff", "--name-only", revision, "HEAD", "--", "package-lock.json");
      if (changed === "") await symlink(path.join(HERE.root, "node_modules"), path.join(root, "node_modules"));
      else await run("npm", ["ci", "--loglevel=error"], { cwd: root });
      await run(process.execPath, ["infra/build.ts"], { cwd: root });
      return old;
    } catch (error) {
      await old[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("git", ["-C", HERE.root, "worktree", "remove", "--force", this.root]);
    await rm(path.dirname(this.root), { recursive: true, force: true });
  }
}
