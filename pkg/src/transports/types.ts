/** What a transport is given to open one connection of one person. */
export interface ChatOpening {
  user: { id: string } & object;
  token: string;
  /** Aborts when the connection is no longer wanted, or has taken too long. */
  signal: AbortSignal;
  /** For whatever comes from the server, health checks too: it is there. */
  alive(): void;
  /**
   * Once, when an open connection has died by itself. `"token"`: the server no longer takes the token; `"refused"`: it no
   * longer takes this person; anything else is words for the log.
   */
  lost(reason?: string): void;
}

/**
 * How a chat connection is opened, checked and closed. When, how often and for how long is the manager's business.
 *
 * A transport never reconnects: what is lost stays lost, and the manager opens anew.
 */
export interface ChatTransport {
  /**
   * Resolves with the client as soon as it is truly connected.
   *
   * Rejects, once nothing is left of the attempt, with an error whose `code` says what would help: `"token"` (another
   * token), `"refused"` or `"invalid_argument"` (nothing); with any other, or none, the next attempt may succeed.
   */
  open(opening: ChatOpening): Promise<unknown>;
  /** Closes for good. Settles when the socket is gone. */
  close(client: unknown): void | Promise<void>;
  /** Is it still the connection that was opened? Asks the server; the manager does not wait for ever. */
  probe?(client: unknown): boolean | Promise<boolean>;
  /** Is anything of it open? Asked a while after a close: a vendor's client may have come back by itself. */
  isOpen?(client: unknown): boolean;
}
