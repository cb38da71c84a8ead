/** Where and how the tools run programs: from the root, with this project's Node and binaries first, and nothing sent home. */
import { delimiter, join } from "node:path";

export const root = join(import.meta.dirname, "..");

export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  // node_modules/.bin/node is Node 24 whatever the machine has; scripts that start with `env node` must find that one.
  PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
  WRANGLER_SEND_METRICS: "false",
};
