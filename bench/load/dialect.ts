/** How a subscriber speaks to a server: data, so that it can be handed to the thread that holds the sockets. */
export interface Dialect {
  readonly path: string;
  /** Subscribed when a message holds this; at once when absent. */
  readonly readyOn?: string;
  /** What is answered to a message that begins so. */
  readonly replies?: Readonly<Record<string, string>>;
  /** Frames carry `offset` and `prev`. */
  readonly hasPositions: boolean;
}

const edge = { readyOn: '"type":"subscribed"', hasPositions: true } as const;

export const dialects = {
  edge: { ...edge, path: "/ws/opportunities" },
  edgeBatch: { ...edge, path: "/ws/opportunities?batch=1" },
  bare: { path: "/", hasPositions: false },
  party: { path: "/parties/room/bench", hasPositions: false },
  // Engine.IO 4: 0 opens, 2 pings; Socket.IO inside it: 40 connects.
  socketIo: { path: "/socket.io/?EIO=4&transport=websocket", readyOn: "40", replies: { "0": "40", "2": "3" }, hasPositions: false },
  nchan: { path: "/subscribe", hasPositions: false },
} as const satisfies Readonly<Record<string, Dialect>>;
