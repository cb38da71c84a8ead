/** Which sink a replay's lines go to. Each is loaded by the one who needs it. */
import type { ReplaySpec } from "../../schemas/replay.ts";
import type { ReplaySink } from "./sink.ts";

/** Undefined for a dry run. */
export async function sinkOf(env: Env, id: string, spec: ReplaySpec): Promise<ReplaySink | undefined> {
  switch (spec.mode) {
    case "dry-run":
      return undefined;
    case "channel": {
      const { channelSink } = await import("./channel-sink.ts");
      return channelSink(env, { id });
    }
    case "rebuild": {
      const { rebuildSink } = await import("./rebuild-sink.ts");
      const { types, entities, deliveryLimit, verify } = spec;
      const isFiltered = types !== undefined || entities !== undefined || deliveryLimit !== undefined;
      return rebuildSink(env, { id, verify, isFiltered });
    }
  }
}
