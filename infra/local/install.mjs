// Installs what is missing, then returns. Plain JavaScript: it runs on the machine's own Node (20 or newer), before
// anything is installed.
import { spawnSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import process from "node:process";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The packages of a lock file, by folder; undefined when the file cannot be read. */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** True when every package of the lock file is installed at its version; optional ones may be missing. */
function isInstalled() {
  const locked = packagesOf(`${root}package-lock.json`) ?? {};
  const installed = packagesOf(`${root}node_modules/.package-lock.json`);
  if (installed === undefined) return false;
  return Object.entries(locked).every(([folder, { version, optional, extraneous }]) => {
    if (folder === "") return true;
    const found = installed[folder];
    return found === undefined ? optional === true || extraneous === true : found.version === version;
  });
}

function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function stop(message, status = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}

/**
 * Makes `node_modules` match the lock file; does nothing when it already does.
 *
 * When npm fails, ends the process with a message that says what to do.
 */
export function installMissing() {
  if (isInstalled()) return;
  if (isLink(`${root}node_modules`)) {
    // npm ci would empty the folder that the link leads to, which belongs to another checkout.
    stop(
      "node_modules is a link, and the folder that it leads to does not match package-lock.json. Remove the link, then try again.",
    );
  }
  process.stderr.write("Installing what is missing (npm ci) …\n");
  const npm = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (npm.status === 0) return;
  stop(
    "npm ci did not succeed, so the packages this project needs are missing. " +
      "Check that the npm registry can be reached and that this folder is writable, then run the command again.",
    npm.status ?? 1,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installMissing();
