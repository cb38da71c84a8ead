/** Tells when a page has reason to look at its connection: the network is back, the page is seen again. Outside browsers nothing is told. */
import type { Off } from "./emitter.ts";

/** `document` tells of visibility, the window of everything else. */
const signals = [
  ["online", globalThis],
  // Also after the back-forward cache, whose pages lose their sockets.
  ["pageshow", globalThis],
  ["visibilitychange", "document" in globalThis ? document : undefined],
] as const;

export function onWake(listener: () => void): Off {
  const isVisible = (): boolean => !("document" in globalThis) || document.visibilityState !== "hidden";
  const heard = (): void => {
    if (isVisible()) listener();
  };
  const targets = signals.filter(([, target]) => target !== undefined && typeof target.addEventListener === "function");
  for (const [type, target] of targets) target?.addEventListener(type, heard);
  return () => {
    for (const [type, target] of targets) target?.removeEventListener(type, heard);
  };
}
