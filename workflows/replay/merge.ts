/** Several streams as one: by the time at which each line was sequenced, equal times by the names of the streams. Where every stream goes on
 *  after its own last line, the order goes on as if it had never stopped. */
import type { LogLine } from "../../stores/event-log.ts";
import type { ReplayLine } from "./sink.ts";

export interface StreamLines {
  readonly stream: string;
  readonly lines: AsyncGenerator<LogLine, unknown>;
}

export async function* mergeStreams(sources: readonly StreamLines[]): AsyncGenerator<ReplayLine, void> {
  try {
    const heads: { source: StreamLines; line: LogLine }[] = [];
    // By name, as the sinks order them (order.ts).
    for (const source of sources.toSorted((a, b) => (a.stream < b.stream ? -1 : 1))) {
      const line = await nextOf(source);
      if (line !== undefined) heads.push({ source, line });
    }
    while (heads.length > 0) {
      const index = earliest(heads);
      const head = heads[index];
      if (head === undefined) return;
      yield { ...head.line, stream: head.source.stream };
      const line = await nextOf(head.source);
      if (line === undefined) heads.splice(index, 1);
      else head.line = line;
    }
  } finally {
    for (const { lines } of sources) await lines.return(undefined);
  }
}

async function nextOf({ lines }: StreamLines): Promise<LogLine | undefined> {
  const { done, value } = await lines.next();
  return done === true ? undefined : value;
}

function earliest(heads: readonly { readonly line: LogLine }[]): number {
  let best = 0;
  for (let index = 1; index < heads.length; index += 1) if ((heads[index]?.line.at ?? 0) < (heads[best]?.line.at ?? 0)) best = index;
  return best;
}
