/** The scripts themselves, for what a program can be asked. Pure. Values are not completed: most of them only the edge knows. */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  readonly commands: readonly Completed[];
}

export function renderCompletion(shell: Shell, program: Completed): string {
  switch (shell) {
    case "bash":
      return bash(program);
    case "zsh":
      // Its bash mode knows `complete` and `compgen`.
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`;
    case "fish":
      return fish(program);
  }
}

/** Words that may follow, by the words of commands before them: "log" → "ls cat …", "log cat" → options. */
function tableOf(program: Completed): [path: string, words: string][] {
  const rows = (command: Completed, path: readonly string[]): [string, string][] => [
    [path.join(" "), [...command.commands.map(({ name }) => name), ...command.options].join(" ")],
    ...command.commands.flatMap((child) => rows(child, [...path, child.name])),
  ];
  return rows(program, []);
}

function bash(program: Completed): string {
  const { name } = program;
  const cases = tableOf(program).map(([path, words]) => `    ${JSON.stringify(path)}) words=${JSON.stringify(words)} ;;`);
  const paths = tableOf(program).flatMap(([path]) => (path === "" ? [] : [JSON.stringify(path)]));
  return `_${name}() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`;
}

function fish({ name, options, commands }: Completed): string {
  const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const word = (condition: string, { name: child, summary }: Completed): string =>
    `complete -c ${name} -n ${quoted(condition)} -f -a ${quoted(child)} -d ${quoted(summary)}`;
  const option = (condition: string, text: string): string =>
    `complete -c ${name} -n ${quoted(condition)} ${text.startsWith("--") ? `-l ${text.slice(2)}` : `-s ${text.slice(1)}`}`;
  const lines = options.map((text) => option("__fish_use_subcommand", text));
  for (const command of commands) {
    const within = `__fish_seen_subcommand_from ${command.name}`;
    const names = command.commands.map((child) => child.name).join(" ");
    lines.push(word("__fish_use_subcommand", command));
    lines.push(
      ...command.options.map((text) => option(names === "" ? within : `${within}; and not __fish_seen_subcommand_from ${names}`, text)),
    );
    for (const child of command.commands) {
      lines.push(word(`${within}; and not __fish_seen_subcommand_from ${names}`, child));
      lines.push(...child.options.map((text) => option(`${within}; and __fish_seen_subcommand_from ${child.name}`, text)));
    }
  }
  return `${lines.join("\n")}\n`;
}
