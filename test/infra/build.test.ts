import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const project = fileURLToPath(new URL("../../", import.meta.url));
let root: string;

/** A project with this one's everything but functions of its own. */
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "build-"));
  for (const shared of ["docs", "infra", "lib", "node_modules", "package.json", "package-lock.json"]) {
    symlinkSync(path.join(project, shared), path.join(root, shared));
  }
  mkdirSync(path.join(root, "functions"));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function build(): Promise<void> {
  await promisify(execFile)(process.execPath, [path.join(project, "infra/build.ts"), root]);
}

const writeFunction = (answer: number): void =>
  writeFileSync(path.join(root, "functions/api.ts"), `export const handler = (): number => ${String(answer)};`);
const bundled = (): string => readFileSync(path.join(root, "dist/api/index.mjs"), "utf8");
const builtAt = (): Record<string, number> =>
  Object.fromEntries(
    readdirSync(path.join(root, "dist"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(root, file), statSync(file).mtimeMs]),
  );

describe("the build", () => {
  it("fails with a message when there is no function to build", async () => {
    await expect(build()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("nothing to build") });
  });

  it("bundles each function that is there, and writes both templates", async () => {
    writeFunction(41);
    await build();
    expect(bundled()).toMatch(/41.*export|export.*41/s);
    expect(Object.keys(builtAt())).toEqual(
      expect.arrayContaining([
        "dist/template/api.template.json",
        "dist/template/data.template.json",
        "dist/bundles.json",
      ]),
    );
  });

  it("does nothing when nothing has changed", async () => {
    const before = builtAt();
    await build();
    expect(builtAt()).toEqual(before);
  });

  it("bundles again what has changed, and leaves the templates alone", async () => {
    const before = builtAt();
    writeFunction(42);
    await build();
    expect(bundled()).toContain("42");
    expect(builtAt()["dist/template/api.template.json"]).toBe(before["dist/template/api.template.json"]);
  });

  it("bundles again when a file changes that is no code, but imported", async () => {
    const imports = `import greeting from "./greeting.json"; export const handler = (): unknown => greeting;`;
    writeFileSync(path.join(root, "functions/api.ts"), imports);
    for (const word of ["good morning", "good night"]) {
      writeFileSync(path.join(root, "functions/greeting.json"), JSON.stringify({ word }));
      await build();
      expect(bundled()).toContain(word);
    }
    writeFunction(42);
    await build();
  });

  it("keeps what it built when a function does not compile", async () => {
    writeFileSync(path.join(root, "functions/api.ts"), "export const handler = (");
    await expect(build()).rejects.toMatchObject({ code: 1 });
    expect(bundled()).toContain("42");
  });
});
