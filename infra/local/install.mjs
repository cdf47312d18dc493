// Installs what is missing, then returns. Plain JavaScript: it runs on the machine's own Node (20 or newer), before
// anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import process from "node:process";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Makes `node_modules` match the lock file; does nothing when it already does.
 *
 * @throws never; ends the process with a message that says what to do when npm fails.
 */
export function installMissing() {
  const marker = `${root}node_modules/.package-lock.json`;
  const current = existsSync(marker) && statSync(marker).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;
  if (current) return;
  process.stderr.write("Installing what is missing (npm ci) …\n");
  const npm = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (npm.status === 0) return;
  process.stderr.write(
    "npm ci did not succeed, so the packages this project needs are missing. " +
      "Check that the npm registry can be reached and that this folder is writable, then run the command again.\n",
  );
  process.exit(npm.status ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installMissing();
