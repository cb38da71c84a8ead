/** What commands are given: the world as they may touch it (`World`, replaced in tests), and one opened invocation (`Session`). */
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { makeClient } from "./client.ts";
import { Output } from "./output.ts";
import { findTarget, type Target } from "./profiles.ts";

/** A file descriptor of the process. */
export interface Sink {
  readonly isTTY: boolean;
  readonly columns?: number | undefined;
  /** For what draws on the terminal itself. */
  readonly stream?: NodeJS.WritableStream;
  /** Resolves when there is room for more: a slow reader holds the command back instead of filling memory. */
  write(text: string | Uint8Array): Promise<void>;
}

export interface World {
  readonly fetch: typeof globalThis.fetch;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };
  /** Aborted by Ctrl-C and when the reader of stdout goes away; its reason is a CliError. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly random: () => number;
  readonly home: string;
  /** What relative file names in arguments are relative to. */
  readonly cwd: string;
  /** The working tree, for the development keys. */
  readonly root: string;
  /** Runs another program on this terminal and waits for it; answers its exit code. Ctrl-C reaches it as well. */
  readonly runProgram: (argv: readonly [string, ...string[]], options: { readonly cwd: string }) => Promise<number>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Before a question is asked the second time; twice as long before the third. */
  readonly retryMs: number;
}

export interface GlobalOptions {
  readonly profile?: string;
  readonly json?: boolean;
  readonly color: boolean;
  readonly timeout: number;
}

export interface Session {
  readonly world: World;
  readonly output: Output;
  readonly target: Target;
  /** Speaks to the edge as an operator. */
  readonly edge: Client;
  readonly signal: AbortSignal;
}

export class Cli {
  readonly world: World;
  #leftovers: (() => string | undefined) | undefined;

  constructor(world: World) {
    this.world = world;
  }

  output(command: Command): Output {
    const { json = false, color } = command.optsWithGlobals<GlobalOptions>();
    return new Output(this.world, { json, color });
  }

  /** Reads the profile; asks nothing of the edge yet. Throws a CliError when no address or a profile that others can read is found. */
  open(command: Command): Session {
    const { profile, timeout } = command.optsWithGlobals<GlobalOptions>();
    const target = findTarget(this.world, profile);
    const edge = makeClient(this.world, { target, timeoutMs: timeout * 1_000 });
    return { world: this.world, output: this.output(command), target, edge, signal: this.world.signal };
  }

  /** What Ctrl-C is to say from now on: what goes on without us, and how to go on or stop it. */
  whenInterrupted(say: (() => string | undefined) | undefined): void {
    this.#leftovers = say;
  }

  leftovers(): string | undefined {
    return this.#leftovers?.();
  }
}

/** One file of commands/: adds its command, with its subcommands, to the program. */
export type Register = (program: Command, cli: Cli) => void;
