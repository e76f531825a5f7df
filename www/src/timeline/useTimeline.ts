import { useCallback, useEffect, useLayoutEffect, useState } from "react";
import { useStreamkeeper } from "streamkeeper/react";
import { attemptInWords, chatInWords, endInWords, logInWords } from "../words";
import type { Kind, Lane, State } from "./lanes";
import { turnInWords } from "./states";
import { NO_TURNS, watchStates, withTurns, type Turns } from "./turns";

/** Something that happened. */
export interface Entry {
  id: number;
  at: Date;
  /** The page's own, unless it says another one. */
  lane?: Lane;
  kind: Kind;
  words: string;
  /** The event's or the field's own name. */
  name?: string | undefined;
}

export interface NewEntry extends Omit<Entry, "id" | "at"> {
  /** How it stands in the lane from then on, where the manager does not know. */
  state?: State | null;
}

export type Note = (entry: NewEntry) => void;

const KEPT = 300;

/** What the manager saw and did, newest first, how it stood meanwhile, and a way to note what the page did itself. */
export function useTimeline(): { entries: Entry[]; turns: Turns; note: Note } {
  const manager = useStreamkeeper();
  const [entries, setEntries] = useState<Entry[]>([]);
  const [turns, setTurns] = useState(NO_TURNS);
  const add = useCallback((entry: NewEntry | null) => {
    if (!entry) return;
    const at = new Date();
    const { state, ...rest } = entry;
    setEntries((all) => [{ ...rest, at, id: (all[0]?.id ?? 0) + 1 }, ...all].slice(0, KEPT));
    const { lane } = rest;
    if (state !== undefined && lane && lane !== "calls") setTurns((all) => withTurns(all, [{ lane, state }]));
  }, []);

  // Before the effects of what is below it, which may have the manager do something.
  useLayoutEffect(() => {
    if (!manager) return;
    const offs = [
      watchStates(manager, (changes, isFirst) => {
        setTurns((all) => withTurns(isFirst ? NO_TURNS : all, changes));
        if (!isFirst) changes.forEach((change) => add(turnInWords(change)));
      }),
      manager.on("log", (event) => add(logInWords(event))),
      manager.on("endAttempt", (event) => add(attemptInWords(event))),
      manager.on("end", (event) => add(endInWords(event))),
      manager.on("status", (event) => add(chatInWords(event))),
    ];
    return () => offs.forEach((off) => off());
  }, [manager, add]);

  useEffect(() => {
    const online = () => add({ lane: "network", kind: "page", words: "The network is back.", name: "online" });
    const offline = () => add({ lane: "network", kind: "page", words: "The network is away.", name: "offline" });
    window.addEventListener("online", online);
    window.addEventListener("offline", offline);
    return () => {
      window.removeEventListener("online", online);
      window.removeEventListener("offline", offline);
    };
  }, [add]);

  return { entries, turns, note: add };
}
