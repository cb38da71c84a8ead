/** Counts the sockets of each user on this relay, so that no user's runaway script takes the room of all others. Anonymous sockets have no
 *  user: the gateway bounds them by address (gateway/security/handshakes.ts). */

export class Users<Socket extends object> {
  readonly #sockets = new Map<string, Set<Socket>>();
  readonly #userOf = new Map<Socket, string>();

  /** The socket is this user's from now on; a new token may name another one. Returns how many sockets the user has. */
  enter(socket: Socket, user: string | undefined): number {
    if (this.#userOf.get(socket) !== user) this.leave(socket);
    if (user === undefined) return 0;
    const sockets = this.#sockets.get(user) ?? new Set();
    sockets.add(socket);
    this.#sockets.set(user, sockets);
    this.#userOf.set(socket, user);
    return sockets.size;
  }

  leave(socket: Socket): void {
    const user = this.#userOf.get(socket);
    if (user === undefined) return;
    this.#userOf.delete(socket);
    const sockets = this.#sockets.get(user);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#sockets.delete(user);
  }
}
