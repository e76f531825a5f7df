/** What a socket has to say; a message, or its close code. */
type Heard = (socket: number, message: object | null, code: number) => void;

/** Who this is, as far as the page knows. */
export interface Credentials {
  token: string | null;
  apikey: string | undefined;
  /** Whose token it is. */
  user: string | null;
}

/**
 * The viewers' sockets to the gateway. The token goes in the first message, never in the URL. What is to be done and when
 * is for the engine to say.
 */
export class Sockets {
  readonly #open = new Map<number, WebSocket>();
  /** Those whose first message, which says who this is, is out. */
  readonly #introduced = new Set<number>();

  constructor(
    private readonly credentials: () => Promise<Credentials>,
    private readonly heard: Heard,
  ) {}

  /** `what`: `open` (there), `authenticate`, `ping`, `close`. */
  act(socket: number, what: string, url?: string): void {
    if (what === "open" && url !== undefined) this.#connect(socket, url);
    else if (what === "authenticate") void this.#introduce(socket, "auth");
    else if (what === "ping") this.#say(socket, { type: "ping" });
    else this.#close(socket);
  }

  /** Leaves nothing behind. */
  closeAll(): void {
    for (const socket of [...this.#open.keys()]) this.#close(socket);
  }

  #connect(socket: number, url: string): void {
    let opened: WebSocket;
    try {
      opened = new WebSocket(url);
    } catch {
      // A content security policy, for instance.
      return this.heard(socket, null, 0);
    }
    this.#open.set(socket, opened);
    opened.onopen = () => void this.#introduce(socket, "hello");
    opened.onclose = ({ code }) => this.#gone(socket, code);
    opened.onmessage = ({ data }: MessageEvent<unknown>) => {
      const message = parse(data);
      if (message && this.#open.has(socket)) this.heard(socket, message, 0);
    };
  }

  async #introduce(socket: number, type: "hello" | "auth"): Promise<void> {
    try {
      const { token, apikey, user } = await this.credentials();
      // The first message must be the hello; and where nobody is signed in, nothing replaces the last token.
      if (!this.#open.has(socket) || (type === "auth" && (token === null || !this.#introduced.has(socket)))) return;
      this.#introduced.add(socket);
      this.heard(socket, { type: "introduced", user }, 0);
      this.#say(socket, { type, ...(token === null ? { apikey } : { token }) });
    } catch {
      // Without a word of who this is the gateway closes it, and the engine tries again.
      this.#gone(socket, 4401);
    }
  }

  #say(socket: number, message: object): void {
    const opened = this.#open.get(socket);
    if (opened?.readyState === WebSocket.OPEN) opened.send(JSON.stringify(message));
  }

  /** It is over by itself: said once. */
  #gone(socket: number, code: number): void {
    if (!this.#open.has(socket)) return;
    this.#drop(socket);
    this.heard(socket, null, code);
  }

  #close(socket: number): void {
    this.#say(socket, { type: "bye" });
    this.#drop(socket);
  }

  #drop(socket: number): void {
    const opened = this.#open.get(socket);
    this.#open.delete(socket);
    this.#introduced.delete(socket);
    if (!opened) return;
    opened.onopen = opened.onmessage = opened.onclose = null;
    // Node's sockets throw into nowhere when one is closed that is only connecting, and nobody listens.
    opened.onerror = () => {};
    opened.close(1000);
  }
}

function parse(data: unknown): object | null {
  try {
    const message: unknown = JSON.parse(String(data));
    return typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
