/** What a Workflow says of one of its instances. */
import { messageOf } from "../../platform/errors.ts";
import type { InstanceState } from "./shown.ts";

const over = new Set(["complete", "errored", "terminated"]);
/** An instance that was created may be unknown for a moment, or not have begun. */
const startingMs = 60_000;
const unknown = /not[_ .]?found|never started/i;

/** Undefined when there is none. Throws what Workflows throw otherwise. */
export async function instanceState(workflow: Pick<Workflow, "get">, id: string, ageMs: number): Promise<InstanceState> {
  try {
    const { status } = await (await workflow.get(id)).status();
    return over.has(status) ? "ended" : "running";
  } catch (error) {
    if (!unknown.test(messageOf(error))) throw error;
    return ageMs < startingMs ? "running" : undefined;
  }
}
