import { StreamkeeperError } from "./error.js";
import type { ChatTransport } from "./transports/types.js";

/** Who is to be connected, as the app has said it. */
interface User {
  readonly id: string;
  readonly token: string | (() => unknown);
  readonly data: object;
}

/** One connection: one generation of the WASM's. */
interface Connection {
  readonly user: User;
  readonly transport: ChatTransport;
  readonly aborting: AbortController;
  token?: string;
  /** Settles when `open` has; gives the client, if there is one. */
  opening?: Promise<unknown>;
  /** What `open` has resolved with, if it has. */
  opened?: { readonly client: unknown };
  closing?: Promise<void>;
}

/** What is said of a connection to the WASM; `ChatEvent` in `src/engine/input.rs`. */
export type Say = (generation: number, event: string, payload?: object) => void;

/**
 * Carries out what the WASM decides about the chat connection, and holds what must never get into it: tokens, transports
 * and clients.
 */
export class Chat {
  #user: User | undefined;
  readonly #connections = new Map<number, Connection>();

  constructor(
    private readonly transport: () => ChatTransport | undefined,
    private readonly say: Say,
    private readonly disconnecting: (reason: string, client: unknown) => void,
  ) {}

  /** Whom the next token is to be asked of. The newest functions win, so that none goes stale. */
  identify(id: string, token: User["token"], data: object = {}): void {
    this.#user = { id, token, data };
  }

  /** The user has signed out. */
  forget(): void {
    this.#user = undefined;
    for (const connection of this.#connections.values()) delete connection.token;
  }

  /** What `open` of this generation has resolved with, whatever that is. */
  opened(generation: number | undefined): { readonly client: unknown } | undefined {
    return generation === undefined ? undefined : this.#connections.get(generation)?.opened;
  }

  /** `ChatOutput` in `src/engine/input.rs`. */
  act(generation: number, what: string, why?: string): void {
    if (what === "token") return this.#fetchToken(generation);
    const connection = this.#connections.get(generation);
    // A user who has signed out before anything was begun leaves nothing to close.
    if (!connection) return what === "close" ? this.say(generation, "closed") : undefined;
    if (what === "open") this.#open(generation, connection);
    else if (what === "disconnecting") this.disconnecting(why ?? "", connection.opened?.client);
    else if (what === "close") void this.#close(connection).then(() => this.say(generation, "closed"));
    else if (what === "probe") this.#probe(generation, connection);
    else if (what === "verify") this.#verify(generation, connection);
  }

  /** Closes whatever there is. Settles when all of it has. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.closing ?? this.#close(connection)));
  }

  #fetchToken(generation: number): void {
    const [user, transport] = [this.#user, this.transport()];
    if (!user || !transport) return this.say(generation, "failed", failure("token", "there is no user any more"));
    // Asked a second time, when the first token had expired, it is the same connection.
    const { aborting } = this.#connections.get(generation) ?? { aborting: new AbortController() };
    const connection: Connection = { user, transport, aborting };
    this.#connections.set(generation, connection);
    const given = async () => (typeof user.token === "function" ? user.token() : user.token);
    void given().then(
      (token) => {
        if (aborting.signal.aborted) return;
        if (typeof token !== "string" || token === "") {
          const kind = token === "" ? "an empty string" : token === null ? "null" : typeof token;
          return this.say(generation, "failed", failure("token", `the token function gave ${kind}, and not a token`));
        }
        connection.token = token;
        this.say(generation, "token", read(token));
      },
      // What it threw is not repeated: nobody knows what is in it.
      () => this.say(generation, "failed", failure("token", "the token function threw, or its promise was rejected")),
    );
  }

  #open(generation: number, connection: Connection): void {
    const { user, transport, aborting, token = "" } = connection;
    const of = (act: () => void) => () => {
      // A vendor may speak for ever; nobody listens once it is to close.
      if (!aborting.signal.aborted) act();
    };
    const opening = async () =>
      transport.open({
        user: { ...user.data, id: user.id },
        token,
        signal: aborting.signal,
        alive: of(() => this.say(generation, "alive")),
        lost: (reason?: string) => of(() => this.say(generation, "lost", lost(reason, token)))(),
      });
    connection.opening = opening().then(
      (client) => {
        connection.opened = { client };
        if (!aborting.signal.aborted) this.say(generation, "opened");
      },
      (error: unknown) => {
        if (!aborting.signal.aborted) this.say(generation, "failed", failureOf(error, token));
      },
    );
  }

  /** The close is asked for within this very call, if there is something to close: the page may be going. */
  #close(connection: Connection): Promise<void> {
    connection.aborting.abort();
    delete connection.token;
    if (connection.opened) return (connection.closing = this.#closeClient(connection));
    return (connection.closing ??= (connection.opening ?? Promise.resolve()).then(() =>
      connection.opened ? this.#closeClient(connection) : undefined,
    ));
  }

  async #closeClient({ transport, opened }: Connection): Promise<void> {
    try {
      await transport.close(opened?.client);
    } catch {
      // Whether it is closed is looked at later; that it complained changes nothing.
    }
  }

  #probe(generation: number, { transport, opened }: Connection): void {
    if (!transport.probe) return this.say(generation, "probed", { well: null });
    const asked = async () => (await transport.probe?.(opened?.client)) === true;
    void asked().then(
      (well) => this.say(generation, "probed", { well }),
      () => this.say(generation, "probed", { well: false }),
    );
  }

  #verify(generation: number, { transport, opened }: Connection): void {
    let isOpen = false;
    try {
      isOpen = opened !== undefined && transport.isOpen?.(opened.client) === true;
    } catch {
      // What cannot be asked is not open.
    }
    if (isOpen) this.say(generation, "came back");
    else this.#connections.delete(generation);
  }
}

function failure(kind: string, message: string): object {
  return { kind, message };
}

/** A transport's error, without the token, which vendors put into addresses and those into messages. */
function failureOf(error: unknown, token: string): object {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const kinds: Record<string, string> = { token: "expired", refused: "refused", invalid_argument: "invalid" };
  const words = typeof message === "string" ? message : "the transport's open() was rejected";
  return failure((typeof code === "string" && kinds[code]) || "transient", without(token, words));
}

function without(token: string, words: string): string {
  return (token === "" ? words : words.replaceAll(token, "[token]")).slice(0, 300);
}

function lost(reason: unknown, token: string): object {
  if (reason === "token") return failure("expired", "the server no longer takes the token");
  if (reason === "refused") return failure("refused", "the server no longer takes this user");
  return failure("transient", typeof reason === "string" ? without(token, reason) : "no reason was given");
}

/** What a JWT says of itself; nothing of another kind of token. It is not verified: that is the server's. */
export function claimsOf(token: string): Record<string, unknown> {
  try {
    const [, payload = ""] = token.split(".");
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Whose token it is, if it says so: the `sub` of a JWT. */
export function subjectOf(token: string): string | undefined {
  const { sub } = claimsOf(token);
  return typeof sub === "string" ? sub : undefined;
}

function read(token: string): object {
  const { user_id, sub, exp } = claimsOf(token);
  // Stream's tokens name their user in a claim of their own.
  const subject = user_id ?? sub;
  return {
    subject: typeof subject === "string" ? subject : null,
    expired: typeof exp === "number" && exp * 1_000 <= Date.now(),
  };
}

/** What kinds of value `connectUser` was given: all that the WASM is to know of them. */
export function kindsOf(token: unknown, userData: unknown): { token: string; userData: string } {
  const kind = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
  return { token: token === "" ? "empty string" : kind(token), userData: kind(userData) };
}

/** The same error for whoever has no chat client to give. */
export const noClient = () => new StreamkeeperError("conflict", "the connection was closed in the meantime");
