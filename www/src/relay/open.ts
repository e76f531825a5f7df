import type { ConnectionManager } from "streamkeeper";
import { hlsSession, mpegtsSession } from "streamkeeper/players";
import type { Kind } from "./api";

/** Plays a stream through the relay; gives the function that lets go of it. The libraries are fetched when somebody plays. */
export async function open(kind: Kind, manager: ConnectionManager, key: string, media: HTMLMediaElement): Promise<() => void> {
  if (kind === "hls") {
    const { default: Hls } = await import("hls.js");
    const hls = new Hls();
    hls.attachMedia(media);
    return hlsSession(hls, { manager, key, relay: true });
  }
  const { default: mpegts } = await import("mpegts.js");
  mpegts.LoggingControl.enableVerbose = false;
  const create = (url: string) => mpegts.createPlayer({ type: "mpegts", isLive: true, url });
  return mpegtsSession(create, { manager, key, media });
}
