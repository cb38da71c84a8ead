/** A drop-in replacement of the frontend's useUltraFastStreaming: the same result and the same store, on a connection that cannot storm. */
import { useEffect, useSyncExternalStore } from "react";
import { Streaming, type StreamingOptions, type StreamingView } from "./streaming.ts";

export interface UltraFastStreaming extends StreamingView {
  reconnect(): void;
}

/** Called once, at the top of a module; what it returns takes the old hook's place. */
export function createUltraFastStreaming(options: StreamingOptions): () => UltraFastStreaming {
  const streaming = new Streaming(options);
  return function useUltraFastStreaming() {
    useEffect(streaming.use, []);
    const view = useSyncExternalStore(streaming.view.subscribe, streaming.view.shown, streaming.view.shown);
    return { ...view, reconnect: streaming.reconnect };
  };
}
