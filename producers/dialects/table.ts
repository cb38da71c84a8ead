/** The table of mappings as a document, from the very lists that the adapters work by. */
import { dialects } from "./adapters.ts";
import { chainIds } from "./chains.ts";
import type { Dialect } from "./dialect.ts";
import { otherNames } from "./event-names.ts";
import type { Mapping } from "./mapping.ts";
import { time } from "./units.ts";

export function dialectsDocument(): string {
  return `${[intro(), ...dialects.map(section)].join("\n\n")}\n`;
}

function intro(): string {
  const chains = Object.entries(chainIds).map(([slug, id]) => `${slug} ${id}`);
  const names = Object.entries(otherNames).map(([name, type]) => `\`${name}\` is \`${type}\``);
  return `# Dialects at ingest

Written by \`tools/export-dialects.ts\` from \`producers/dialects/\`: change the adapters, not this page.

An event that is canonical already ([protocol](protocol.md), 2) is left as it is. Any other is recognised by its fields and brought to the canonical
form, whatever it comes in: CloudEvents, a frame \`{type, data}\`, the webhook's \`{eventType, workflowId, agentId, data}\`, or bare where its fields
alone say what it is. What cannot be brought there is refused by the path that was sent; nothing is guessed.

- **Names.** Types may be written with \`_\` or \`:\` for \`.\`, in any case, and with \`arbitrage.\` before them. ${names.join(", ")}.
- **Times.** ${time.says}. A time without its offset is refused.
- **Chains.** ${chains.join(", ")}; other slugs are taken as they are, other numbers refused.
- **Ids.** CloudEvents keep theirs. In a signed webhook it is \`<webhook-id>-<place>\`, elsewhere a hash of type, time and data: the same text
  again is a repeat, another state of the entity is not. \`source\` is the envelope's, else \`contabo/<dialect>\`.
- **The rest.** \`metadata.normalised\` names the dialect; under \`extra\` it keeps fields without a canonical place, under \`derived\` it names those
  worked out by a rule, under \`absent\` those that the sender's dialect lacks and canonical events must have. The log in R2 also has the whole text that
  was sent, as \`original\`.

In the tables \`a, b\` means the first that is there, unless the rule says otherwise; \`^\` marks a field of the envelope.`;
}

function section({ name, kinds, tells, mappings, times, mayLackTime }: Dialect): string {
  const moment = `The event's time is the envelope's, else ${times.map(code).join(", ")}${mayLackTime ? ", else the time of receipt" : ""}.`;
  const rows = mappings.map(row);
  const head = ["| sent | canonical | unit or rule | without it |", "|---|---|---|---|"];
  return [`## ${name}: ${kinds.join(", ")}`, "", `Tells itself by ${tells}. ${moment}`, "", ...head, ...rows].join("\n");
}

function row({ to, from, says, otherwise, derived }: Mapping): string {
  const rule = derived === undefined ? says : `${says} (derived)`;
  const without = typeof otherwise === "object" ? `\`${otherwise.absent}\`, absent` : otherwise;
  return `| ${from.map(code).join(", ")} | \`${to}\` | ${rule.replaceAll("|", "\\|")} | ${without} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
