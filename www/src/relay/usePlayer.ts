import { useEffect, useRef, useState, type RefObject } from "react";
import { useStreamkeeper } from "streamkeeper/react";
import type { Kind } from "./api";
import { open } from "./open";

export type Playing = "off" | "opening" | "playing" | "waiting";

/** Plays a stream in the element that it gives a place for, and says how that goes. `null`: nothing. */
export function usePlayer(kind: Kind, key: string | null): { media: RefObject<HTMLVideoElement | null>; playing: Playing; error: string | null } {
  const manager = useStreamkeeper();
  const media = useRef<HTMLVideoElement>(null);
  const [playing, setPlaying] = useState<Playing>("off");
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    const element = media.current;
    if (!manager || !element || key === null) return;
    const gone = new AbortController();
    const { signal } = gone;
    const tell = (event: string, word: Playing) => element.addEventListener(event, () => setPlaying(word), { signal });
    tell("playing", "playing");
    tell("waiting", "waiting");
    // Its source has been taken away: the session was stopped, or has another one.
    tell("emptied", "off");
    setPlaying("opening");
    setError(null);
    void open(kind, manager, key, element).then(
      (release) => (signal.aborted ? release() : signal.addEventListener("abort", release)),
      (cause: unknown) => setError(String(cause)),
    );
    return () => {
      gone.abort();
      setPlaying("off");
    };
  }, [manager, kind, key]);

  return { media, playing, error };
}
