import { all, type Keeper, Retry } from "./retry.js";

/** As much of hls.js as is needed: an `Hls` of release 1. */
export interface HlsLike {
  readonly media: HTMLMediaElement | null;
  loadSource(url: string): void;
  startLoad(): void;
  stopLoad(): void;
  detachMedia(): void;
  recoverMediaError(): void;
  destroy(): void;
  on(event: any, listener: (...args: any[]) => void): void;
  off(event: any, listener: (...args: any[]) => void): void;
}

/** What `hlsSession` is told. */
export interface HlsOptions {
  manager: Keeper;
  /** The stream's id. */
  key: string;
  /** Plays it through the gateway's relay: asks for the address, and asks anew whenever that is refused. */
  relay?: boolean;
}

/** What hls.js tells of an error, as far as it is read. */
interface HlsError {
  type?: string;
  details?: string;
  fatal?: boolean;
  response?: { code?: number };
}

/** The names of hls.js's events are texts; importing them would import hls.js. */
const ERROR = "hlsError";

/**
 * Makes a player of hls.js a session of its stream: it is destroyed when the stream is over. With `relay` it is also kept
 * playing: through lost networks, an upstream that restarts, and addresses that have run out. Attach its media yourself.
 *
 * Gives the function that lets go of it and destroys it.
 */
export function hlsSession(hls: HlsLike, { manager, key, relay = false }: HlsOptions): () => void {
  const retry = new Retry();
  const play = async () => {
    const url = await manager.playbackUrl(key, "hls");
    if (retry.stopped) return;
    const { media } = hls;
    const wasPlaying = media !== null && !media.paused;
    hls.loadSource(url);
    // Another address is another source, and that pauses the element.
    if (wasPlaying) void media.play().catch(() => {});
  };
  const failed = (_event: unknown, { type, details = "", fatal = false, response }: HlsError) => {
    const refused = response?.code === 403 || response?.code === 410;
    if (refused || (fatal && details.startsWith("manifest"))) retry.again(play);
    else if (fatal && type === "mediaError") retry.again(() => hls.recoverMediaError());
    // What it has buffered plays on meanwhile. What goes on failing may not be there any more: then from the beginning.
    else if (fatal) retry.again(() => (retry.failures > 2 ? play() : hls.startLoad()));
  };
  const stop = () => {
    retry.stop();
    all(
      () => hls.off(ERROR, failed),
      () => hls.stopLoad(),
      () => hls.detachMedia(),
      () => hls.destroy(),
    );
  };
  const unregister = manager.registerSession({ key, kind: "hls", stop, isOpen: () => Boolean(hls.media) });
  if (relay) {
    hls.on(ERROR, failed);
    retry.again(play);
  }
  return () => all(unregister, stop);
}
