/** The client for browsers and Node: `import { connect } from "arbitragex-edge/client"` (docs/sdk.md). */
export { connect } from "./connect.ts";
export type { ChannelOptions, Client, ClientEvents, ConnectOptions, EntityChannel, EntityOptions } from "./connect.ts";
export type { Channel, EntityView } from "./handles.ts";
export type {
  ChannelName,
  DataOf,
  Execution,
  Filters,
  Market,
  Metric,
  Opportunity,
  Position,
  Strategy,
  StreamData,
  StreamName,
} from "./channels.ts";
export { compareDecimals } from "./decimal.ts";
export { EdgeError } from "./errors.ts";
export type { EntityList } from "./entities.ts";
export type { Status } from "./link.ts";
export type { Snapshot, SnapshotItem } from "./snapshot.ts";
export type { ChannelEvent } from "./frames.ts";
export type { HistoryOptions, HistoryPage, Presence } from "./requests.ts";
export type { ChannelEvents } from "./subscription.ts";
