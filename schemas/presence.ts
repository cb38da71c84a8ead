/** Who listens to a channel, as hub, relays and Worker ask each other. */

/** Who listens to a channel. Asked for, never pushed: a socket that died says nothing, and nothing is paid while nobody asks. */
export interface PresenceRequest {
  readonly v: 1;
  readonly stream: string;
  readonly channel: string;
}

/** One socket of a user. */
export interface Member {
  readonly user: string;
  readonly client: string;
}

export interface MembersReply {
  readonly v: 1;
  /** At most presenceMembersMax. Sockets without a user are only counted. */
  readonly members: readonly Member[];
  readonly users: number;
  readonly clients: number;
}

export interface PresenceReply extends MembersReply {
  /** Relays that did not answer in time: their sockets are not in it. */
  readonly silent: number;
}
