/** The layout of a data folder: one number, beside the data, for the keys and attributes that the service stores. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FolderUnusable } from "./dynamodb/storage.ts";

/** The layout that this version reads and writes. Incremented by every change of stored names and of indexes. */
export const LAYOUT = 4;

const MARK = "layout";

/**
 * Refuses a data folder of another layout before anything reads it.
 * @throws FolderUnusable
 */
export function checkLayout(dataDir: string): void {
  if (dataDir === ":memory:" || !existsSync(join(dataDir, "table"))) return;
  const mark = join(dataDir, MARK);
  const found = existsSync(mark) ? readFileSync(mark, "utf8").trim() : "1";
  if (found === String(LAYOUT)) return;
  throw new FolderUnusable(
    `The folder ${dataDir} holds data of layout ${found}, and this version reads layout ${String(LAYOUT)} only. ` +
      "Choose another DATA_DIR, or remove the folder if its data is not needed.",
  );
}

/** Notes the layout in a data folder that this process has opened. */
export function markLayout(dataDir: string): void {
  if (dataDir !== ":memory:") writeFileSync(join(dataDir, MARK), `${String(LAYOUT)}\n`);
}
