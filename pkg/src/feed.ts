/**
 * The gateway's feed of the listing, as server-sent events. The listing is public, so no token goes along.
 *
 * An `EventSource` comes back by itself, but not when the server says no, and at its own pace: it is closed at the first
 * error, and when it is tried again is for the engine to say.
 */
export class Feed {
  #source: EventSource | undefined;

  /** `heard` gets the whole listing; `true`, when the gateway says that it is there; `null`, when the feed is lost. */
  constructor(private readonly heard: (rows: unknown) => void) {}

  /** Opens it there, in the place of the one before; without a URL: closes it. */
  open(url?: string): void {
    this.#source?.close();
    this.#source = undefined;
    if (url === undefined) return;
    if (typeof EventSource === "undefined") return queueMicrotask(() => this.heard(null));
    const source = (this.#source = new EventSource(url));
    source.addEventListener("listing", ({ data }: MessageEvent<string>) => this.heard(read(data)));
    source.addEventListener("alive", () => this.heard(true));
    source.addEventListener("error", () => this.heard(null));
  }
}

/** What is not JSON is not the gateway's. */
function read(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
