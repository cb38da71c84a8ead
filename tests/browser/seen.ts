/** What the page and the test say to each other. */
import type { Position } from "../../sdk/client/index.ts";
import type { FrontendOpportunity } from "../../sdk/react/index.ts";

export interface Seen {
  readonly events: { readonly epoch: string; readonly offset: number; readonly id: string }[];
  lost: number;
  start: Position | undefined;
  store: FrontendOpportunity[];
}

declare global {
  interface Window {
    seen: Seen;
  }
}
