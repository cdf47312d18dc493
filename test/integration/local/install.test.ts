import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./emulated.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
  /** The command lines of npm, one for each call; empty without a call. */
  readonly npm: string;
}

const lock = (version: string, more: object = {}): string =>
  JSON.stringify({ packages: { "": {}, "node_modules/a": { version }, ...more } });

/** A checkout whose lock file names `a` 1.0.0, with a stand-in for npm that ends with a given code. */
async function checkout(): Promise<{ root: string; install: (npmStatus?: number) => Promise<Ended> }> {
  const root = await temporaryFolder();
  await mkdir(join(root, "infra/local"), { recursive: true });
  await mkdir(join(root, "bin"));
  await copyFile(join(ROOT, "infra/local/install.mjs"), join(root, "infra/local/install.mjs"));
  await writeFile(join(root, "package-lock.json"), lock("1.0.0"));
  const asked = join(root, "asked");
  await writeFile(asked, "");
  const install = async (npmStatus = 0): Promise<Ended> => {
    await writeFile(join(root, "bin/npm"), `#!/bin/sh\necho "$PWD: $*" >> "${asked}"\nexit ${npmStatus}\n`, {
      mode: 0o755,
    });
    const env = { PATH: `${join(root, "bin")}:/usr/bin:/bin` };
    const ended = await new Promise<Omit<Ended, "npm">>((resolve) => {
      const child = execFile(
        process.execPath,
        [join(root, "infra/local/install.mjs")],
        { env },
        (_error, out, errors) => resolve({ code: child.exitCode ?? -1, out, errors }),
      );
    });
    return { ...ended, npm: (await readFile(asked, "utf8")).replaceAll(root, "ROOT") };
  };
  return { root, install };
}

/** The record npm keeps of what it installed. */
async function installed(folder: string, content: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, ".package-lock.json"), content);
}

describe("installing what is missing", () => {
  it("does nothing when every package is there, except optional ones of other machines", async () => {
    const { root, install } = await checkout();
    await writeFile(
      join(root, "package-lock.json"),
      lock("1.0.0", { "node_modules/b": { version: "2", optional: true } }),
    );
    await installed(join(root, "node_modules"), lock("1.0.0"));
    expect(await install()).toEqual({ code: 0, out: "", errors: "", npm: "" });
  });

  it.each([
    ["nothing is installed", undefined],
    ["a package has another version", lock("0.9.0")],
    ["a package is missing", JSON.stringify({ packages: {} })],
    ["the record cannot be read", "{"],
  ])("calls npm once, to install by the lock file, when %s", async (_when, record) => {
    const { root, install } = await checkout();
    if (record !== undefined) await installed(join(root, "node_modules"), record);
    const ended = await install();
    expect(ended).toMatchObject({ code: 0, out: "" });
    expect(ended.npm).toMatch(/^ROOT: ci .*\n$/);
  });

  it("refuses to empty a folder that node_modules only links to, and says what to do", async () => {
    const { root, install } = await checkout();
    const elsewhere = await temporaryFolder();
    await installed(elsewhere, lock("0.9.0"));
    await symlink(elsewhere, join(root, "node_modules"));
    const ended = await install();
    expect(ended).toMatchObject({ code: 1, out: "", npm: "" });
    expect(ended.errors).toMatch(/^node_modules is a link, .*does not match package-lock\.json\. Remove the link.*\n$/);
    expect(await readFile(join(elsewhere, ".package-lock.json"), "utf8")).toBe(lock("0.9.0"));
  });

  it("accepts a link to a folder that matches", async () => {
    const { root, install } = await checkout();
    const elsewhere = await temporaryFolder();
    await installed(elsewhere, lock("1.0.0"));
    await symlink(elsewhere, join(root, "node_modules"));
    expect(await install()).toEqual({ code: 0, out: "", errors: "", npm: "" });
  });

  it("exits with npm's code when npm fails, and says what to check", async () => {
    const { install } = await checkout();
    const ended = await install(7);
    expect(ended.code).toBe(7);
    expect(ended.errors).toMatch(/npm ci did not succeed.*run the command again/);
  });
});

it("a script that installs first starts nothing with the Node its shell has found by then", async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const first = "node infra/local/install.mjs && ";
  const installing = Object.values(scripts).filter((script) => script.startsWith(first));
  expect(installing.length).toBeGreaterThan(3);
  // A shell remembers where it found `node`: only npm, or a program of the project's own, looks again.
  for (const script of installing) expect(script.slice(first.length)).not.toMatch(/(^|[\s;&|])node\s/);
});
