/** React hooks over the client: `import { useOpportunities } from "arbitragex-edge/react"` (docs/sdk.md). */
export { EdgeProvider, useEdgeClient } from "./context.ts";
export type { FrontendMarket, FrontendOpportunity } from "./frontend-shape.ts";
export type { StreamingOptions, StreamingStore } from "./streaming.ts";
export { useChannel, type ChannelView, type UseChannelOptions } from "./use-channel.ts";
export { useConnection, type ConnectionView } from "./use-connection.ts";
export { useOpportunities, type OpportunitiesView, type UseOpportunitiesOptions } from "./use-opportunities.ts";
export { createUltraFastStreaming, type UltraFastStreaming } from "./use-ultra-fast-streaming.ts";
