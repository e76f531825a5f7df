import { useEffect, useState } from "react";
import type { Snapshot } from "streamkeeper";
import { useSnapshot } from "streamkeeper/react";
import { atReload } from "../atReload";
import { useFacts } from "../facts";
import { STEPS, type StepName } from "./steps";

const doneAtReload = atReload("steps");

/** The steps that have been taken, once and for this visit. */
export function useSteps(): Set<StepName> {
  const { isBroken, isRelayed, viewers } = useFacts();
  const seen = useSnapshot(readSteps);
  const now = [seen, isBroken && "broken", viewers > 0 && "watched", isRelayed && "relayed"].filter(Boolean).join(" ");
  const [done, setDone] = useState(() => namesIn(doneAtReload.read() ?? ""));
  useEffect(() => setDone((before) => new Set([...before, ...namesIn(now)])), [now]);
  useEffect(() => doneAtReload.write([...done].join(" ")), [done]);
  return done;
}

function namesIn(words: string): Set<StepName> {
  return new Set(words.split(" ").filter((word): word is StepName => word in STEPS));
}

function readSteps({ streams, chat }: Snapshot): string {
  const hosted = Object.values(streams).filter(({ role }) => role === "host");
  const isOver = hosted.some(({ status }) => status === "ended");
  return [hosted.length > 0 && "live", isOver && "over", chat.status === "connected" && "talked"].filter(Boolean).join(" ");
}
