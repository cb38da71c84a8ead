/** Hands the terminal to another program, such as an editor, until it ends. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { World } from "./cli.ts";

/** As shells tell an end by a signal. */
const signalBase = 128;

export const runProgram: World["runProgram"] = async ([file, ...args], { cwd }) => {
  const child = spawn(file, args, { cwd, stdio: "inherit" });
  return await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signalBase + (signal === null ? 0 : constants.signals[signal])));
  });
};
