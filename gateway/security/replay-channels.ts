/** A replay's channel exists for as long as its replay is known: asked before an object is touched, and after the rights, so that nobody but
 *  operators learns of it. */
import { isReplayChannel, type ChannelName } from "../../channels/catalogue.ts";
import { AppError } from "../../platform/errors.ts";
import { hasReplayChannel } from "../../stores/replay-channels.ts";
import { ask } from "../http/ask.ts";

/** Throws NOT_FOUND, or UPSTREAM_UNAVAILABLE and UPSTREAM_TIMEOUT where it can't be known. */
export async function requireStarted(env: Env, { stream }: ChannelName): Promise<void> {
  if (!isReplayChannel(stream)) return;
  if (!(await ask(hasReplayChannel(env, stream), { what: "the list of replays" })))
    throw new AppError("NOT_FOUND", "there is no such channel");
}
