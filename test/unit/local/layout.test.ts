import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FolderUnusable } from "../../../infra/local/dynamodb/storage.ts";
import { checkLayout, LAYOUT, markLayout } from "../../../infra/local/layout.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "actingweb-layout-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const makeTable = (): string | undefined => mkdirSync(join(folder, "table"), { recursive: true });

describe("a data folder", () => {
  it("is accepted when it is new, missing, in memory, or of this layout", () => {
    checkLayout(folder);
    checkLayout(join(folder, "missing"));
    checkLayout(":memory:");
    makeTable();
    markLayout(folder);
    checkLayout(folder);
  });

  it("of an older layout, which has no mark, is refused with what to do", () => {
    makeTable();
    expect(() => {
      checkLayout(folder);
    }).toThrow(FolderUnusable);
    expect(() => {
      checkLayout(folder);
    }).toThrow(/holds data of layout 1, .* reads layout \d+ only\. Choose another DATA_DIR/);
  });

  it("of the layout before the index of changed actors is refused, before its table is opened without that index", () => {
    makeTable();
    writeFileSync(join(folder, "layout"), "3\n");
    expect(() => {
      checkLayout(folder);
    }).toThrow(/holds data of layout 3, /);
  });

  it("of a newer layout is refused as well", () => {
    makeTable();
    writeFileSync(join(folder, "layout"), `${String(LAYOUT + 1)}\n`);
    expect(() => {
      checkLayout(folder);
    }).toThrow(FolderUnusable);
  });
});
