/** How the demonstration speaks. */
import process from "node:process";

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const step = (title: string): void => say(`\n${title}`);
export const show = (what: string, value: unknown): void => say(`  ${what.padEnd(23)} ${JSON.stringify(value)}`);
