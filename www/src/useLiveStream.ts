import type { Snapshot } from "streamkeeper";
import { useSnapshot } from "streamkeeper/react";

/** The stream that this page is live with, as its host. */
export function useLiveStream(): string | null {
  return useSnapshot(liveStream);
}

function liveStream({ streams }: Snapshot): string | null {
  const live = Object.entries(streams).find(([, { role, status }]) => role === "host" && status === "live");
  return live?.[0] ?? null;
}
