import { all, type Keeper, Retry } from "./retry.js";

/** As much of mpegts.js as is needed: what its `createPlayer` gives. */
export interface MpegtsLike {
  on(event: string, listener: (...args: any[]) => void): void;
  attachMediaElement(media: HTMLMediaElement): void;
  detachMediaElement(): void;
  load(): void;
  unload(): void;
  play(): Promise<void> | void;
  pause(): void;
  destroy(): void;
}

/** What `mpegtsSession` is told. */
export interface MpegtsOptions {
  manager: Keeper;
  /** The stream's id. */
  key: string;
  /** Where it plays. */
  media: HTMLMediaElement;
}

/** The names of mpegts.js's events are texts; importing them would import mpegts.js. */
const [ERROR, COMPLETE] = ["error", "loading_complete"];

/**
 * Makes a player of mpegts.js a session of its stream: it is destroyed when the stream is over.
 *
 * Given a function instead of a player, it plays the stream through the gateway's relay: the function makes a player for each
 * address that it is given, because such a player can have only one, and that is soon used up. It is attached to `media`,
 * loaded and played, and replaced when it fails or its connection ends.
 *
 * Gives the function that lets go of it and destroys it.
 */
export function mpegtsSession(
  player: MpegtsLike | ((url: string) => MpegtsLike),
  { manager, key, media }: MpegtsOptions,
): () => void {
  const retry = new Retry();
  let current = typeof player === "function" ? undefined : player;
  const close = () => {
    const closing = current;
    if (!closing) return;
    all(
      () => closing.pause(),
      () => closing.unload(),
      () => closing.detachMediaElement(),
      () => {
        closing.destroy();
        // Only now: one that could not be closed is still open, and is closed again.
        current = undefined;
      },
    );
  };
  const open = async (create: (url: string) => MpegtsLike) => {
    const url = await manager.playbackUrl(key, "ts");
    if (retry.stopped) return;
    close();
    const opening = (current = create(url));
    const lost = () => {
      if (current === opening) retry.again(() => open(create));
    };
    opening.on(ERROR, lost);
    opening.on(COMPLETE, lost);
    opening.attachMediaElement(media);
    opening.load();
    // Without the person's leave it does not begin by itself; that is for the app's controls.
    void Promise.resolve(opening.play()).catch(() => {});
  };
  const stop = () => {
    retry.stop();
    close();
  };
  const isOpen = () => current !== undefined && (media.hasAttribute("src") || Boolean(media.srcObject));
  const unregister = manager.registerSession({ key, kind: "ts", stop, isOpen });
  if (typeof player === "function") retry.again(() => open(player));
  return () => all(unregister, stop);
}
