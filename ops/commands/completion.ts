/** `arbx completion bash|zsh|fish`: a script that completes commands, subcommands and options, made from the program itself. */
import { Argument, type Command, type Option } from "commander";
import type { Cli } from "../cli.ts";
import { renderCompletion, shells, type Completed, type Shell } from "./completion-scripts.ts";

const usages: Readonly<Record<Shell, string>> = {
  bash: 'eval "$(arbx completion bash)"   in ~/.bashrc',
  zsh: 'eval "$(arbx completion zsh)"    in ~/.zshrc, after compinit',
  fish: "arbx completion fish | source    in ~/.config/fish/config.fish",
};

export function registerCompletion(program: Command, cli: Cli): void {
  program
    .command("completion")
    .description("a script that completes commands, subcommands and options")
    .addArgument(new Argument("<shell>").choices(shells))
    .addHelpText("after", `\n${Object.values(usages).join("\n")}`)
    .action(async (shell: Shell, _options: object, command: Command) => {
      await cli.output(command).raw(renderCompletion(shell, completedOf(program)));
    });
}

function completedOf(command: Command, inherited: readonly string[] = []): Completed {
  const options = [...inherited, ...command.options.filter((option) => !option.hidden).map(nameOf), "--help"];
  return {
    name: command.name(),
    summary: command.description(),
    options: [...new Set(options)],
    // A program's own options are known everywhere.
    commands: command.commands.map((child) => completedOf(child, command.parent === null ? command.options.map(nameOf) : inherited)),
  };
}

function nameOf({ long, short, flags }: Option): string {
  return long ?? short ?? flags;
}
