/** `useConnection`: how the client's connection is doing. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { EdgeError, Status } from "../client/index.ts";
import { useEdgeClient } from "./context.ts";
import { Latest } from "./latest.ts";

export interface ConnectionView {
  readonly status: Status;
  readonly latencyMs: number | undefined;
  readonly error: EdgeError | undefined;
}

export function useConnection(): ConnectionView {
  const client = useEdgeClient();
  const view = useMemo(() => new Latest<ConnectionView>({ status: client.status, latencyMs: undefined, error: undefined }), [client]);
  useEffect(() => {
    const offs = [
      client.on("status", (status) =>
        view.update((before) => ({ ...before, status, error: status === "open" ? undefined : before.error })),
      ),
      client.on("latency", (latencyMs) => view.update((before) => ({ ...before, latencyMs }))),
      client.on("error", (error) => view.update((before) => ({ ...before, error }))),
    ];
    view.update((before) => ({ ...before, status: client.status }));
    return () => {
      for (const off of offs) off();
      view.stop();
    };
  }, [client, view]);
  return useSyncExternalStore(view.subscribe, view.shown, view.shown);
}
