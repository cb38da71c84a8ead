/** The sockets of a relay as the platform hands them over: opened, found again after a sleep, ended. What they say is the session's. */
import { dialects } from "../../channels/dialects/index.ts";
import { closeCodes } from "../../schemas/socket.ts";
import { legacyAfterMs, silentMs } from "./bounds.ts";
import { Connection, type Attachment } from "./connection.ts";
import type { Access } from "./access.ts";
import type { Audience } from "./audience.ts";
import type { Sessions } from "./session.ts";
import type { Upgrade } from "./upgrade.ts";
import type { Watchers } from "./watchers.ts";

export interface SocketsDeps {
  readonly context: DurableObjectState;
  readonly access: Access;
  readonly audience: Audience;
  readonly sessions: Sessions;
  readonly watchers: Watchers;
  readonly now: () => number;
  onOpen(connection: Connection): void;
  background(event: string, work: Promise<unknown>): void;
}

export class Sockets {
  readonly #deps: SocketsDeps;
  readonly #connections = new WeakMap<WebSocket, Connection>();
  #isAwake = false;

  constructor(deps: SocketsDeps) {
    this.#deps = deps;
    // A client that sends exactly this never wakes the object (REALTIME 3). Pings with a timestamp are answered by the session.
    deps.context.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'));
  }

  /** Whether a socket of this address waits for heartbeats. */
  isBeating({ dialect }: Upgrade): boolean {
    return dialect !== "pending" && dialects[dialect].heartbeat !== undefined;
  }

  /** The client's end. */
  open(upgrade: Upgrade): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    const { dialect, batch, ack, region, home, token, subscribe, subprotocol } = upgrade;
    this.#deps.context.acceptWebSocket(server, [dialect]);
    const connection = new Connection(server, {
      v: 1,
      id: crypto.randomUUID(),
      dialect,
      batch,
      ack: ack ? true : undefined,
      openedAtMs: this.#deps.now(),
      home: home === region ? undefined : home,
    });
    connection.save();
    this.#deps.onOpen(connection);
    this.#deps.audience.add(connection);
    this.#connections.set(server, connection);
    connection.tell({ kind: "welcome", connectionId: connection.id, region });
    this.#awaitWord(connection);
    this.#deps.background("relay.open.failed", this.#deps.sessions.begin(connection, { token, subscribe }));
    const headers = subprotocol === undefined ? {} : { "sec-websocket-protocol": subprotocol };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /** A bare socket that says nothing is a legacy client; one that owes its handshake is not waited for. */
  #awaitWord(connection: Connection): void {
    const isBare = connection.dialect === "pending";
    if (!isBare && (connection.greeted || !connection.speaks.hasHandshake)) return;
    const waitMs = Math.max(0, connection.openedAtMs + (isBare ? legacyAfterMs : silentMs) - this.#deps.now());
    connection.awaitGreeting(waitMs, () => {
      if (!connection.open) return;
      if (connection.dialect === "pending") this.#deps.sessions.beLegacy(connection);
      else if (!isBare && !connection.greeted) this.#deps.sessions.close(connection, "silent");
    });
  }

  /** After a sleep, once, and only when sockets matter: reading them costs each attachment. */
  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    const connections = this.#deps.context.getWebSockets().flatMap((socket) => this.#restore(socket) ?? []);
    this.#deps.audience.load(connections);
    for (const connection of connections) {
      this.#deps.access.note(connection);
      this.#awaitWord(connection);
      this.#watchAgain(connection);
    }
  }

  #watchAgain(connection: Connection): void {
    for (const name of connection.watches) {
      const spec = connection.groups.get(name)?.spec;
      if (spec !== undefined) this.#deps.watchers.add(spec, { watcher: connection, name });
    }
  }

  /** Ends sockets whose clients are gone without a word, once the sockets are read anyway. */
  reap(): void {
    if (!this.#isAwake) return;
    const { context, audience, sessions, now } = this.#deps;
    const answeredAtMs = (socket: WebSocket): number | undefined => context.getWebSocketAutoResponseTimestamp(socket)?.getTime();
    for (const connection of [...audience.connections()]) if (connection.isGhost(now(), answeredAtMs)) sessions.close(connection, "gone");
  }

  #restore(socket: WebSocket): Connection | undefined {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    if (attachment === null || socket.readyState !== WebSocket.OPEN) return undefined;
    if ((attachment.v as number) !== 1) {
      // Of a later deploy that was taken back: its client comes back to what is known here.
      socket.close(closeCodes.restart, "restart");
      return undefined;
    }
    const connection = new Connection(socket, attachment);
    this.#connections.set(socket, connection);
    return connection;
  }

  find(socket: WebSocket): Connection | undefined {
    this.wake();
    return this.#connections.get(socket);
  }

  /** The client has closed, or is gone. */
  end(socket: WebSocket, code: number, reason: string): void {
    this.forget(socket);
    // Without an answer clients see 1006 after 10 s; these codes may not be sent (PLATFORM).
    const answer = code === 1005 || code === 1006 || code === 1015 ? 1000 : code;
    try {
      socket.close(answer, reason);
    } catch {
      // Answered already.
    }
  }

  forget(socket: WebSocket): void {
    const connection = this.find(socket);
    if (connection === undefined) return;
    connection.hush();
    this.#deps.audience.drop(connection);
  }

  get isEmpty(): boolean {
    return this.#deps.context.getWebSockets().length === 0;
  }

  /** Sockets that wait for a heartbeat, by their tags: their attachments stay unread. */
  get hasHeartbeats(): boolean {
    return this.#beating().length > 0;
  }

  beat(): void {
    for (const { socket, text } of this.#beating()) {
      try {
        socket.send(text);
      } catch {
        // Its close event follows.
      }
    }
  }

  #beating(): { socket: WebSocket; text: string }[] {
    return Object.entries(dialects).flatMap(([name, { heartbeat: text }]) =>
      text === undefined ? [] : this.#deps.context.getWebSockets(name).map((socket) => ({ socket, text })),
    );
  }
}
