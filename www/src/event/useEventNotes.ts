import { useEffect, useRef } from "react";
import type { Kind, State } from "../timeline/lanes";
import type { NewEntry, Note } from "../timeline/useTimeline";
import type { RecordedEvent } from "./api";

/**
 * Notes what has become of an event since it was read last, by the names that its signals have, and how it stands now; of one
 * that this page is at, the manager knows that better.
 */
export function useEventNotes(recorded: RecordedEvent | null, isThere: boolean, note: Note): void {
  const last = useRef<RecordedEvent | null>(null);
  useEffect(() => {
    const before = last.current;
    last.current = recorded;
    if (!before?.row || !recorded?.row) return;
    changes(before, recorded).forEach(({ state, ...entry }) => note(isThere || !state ? entry : { ...entry, state }));
  }, [recorded, isThere, note]);
}

const WATCHED: State = { word: "watched", kind: "good" };
const LEFT: State = { word: "nobody watches", kind: "page", because: "Unless somebody comes within its grace, it is over." };
const OVER: State = { word: "over", kind: "seen" };

function changes(before: RecordedEvent, now: RecordedEvent): NewEntry[] {
  const [was, is] = [before.row, now.row];
  if (!was || !is) return [];
  const entries: NewEntry[] = [];
  const add = (kind: Kind, words: string, name?: string, state?: State) =>
    entries.push({ lane: "event", kind, words, name, ...(state && { state }) });
  if (is.generation > was.generation) add("good", `The event is live, for the ${ordinal(is.generation)} time.`, "event_started", WATCHED);
  if (is.viewers_gone_since === null && was.viewers_gone_since !== null) add("seen", "A viewer is there.", "viewer_first", WATCHED);
  if (is.viewers_gone_since !== null && was.viewers_gone_since === null) add("seen", "The last viewer has left.", "viewer_left_last", LEFT);
  if (is.status === "ended" && was.status !== "ended") add("good", "The event is over.", "event_ended", OVER);
  for (const notice of now.notices) {
    const known = before.notices.find(({ generation }) => generation === notice.generation);
    if (notice.state === "sent" && known?.state !== "sent") add("call", `The host has mail, at ${notice.recipient}.`);
    if (notice.state === "suppressed" && !known) add("seen", `The host gets no mail: ${notice.last_error}.`);
  }
  return entries;
}

function ordinal(number: number): string {
  return ["first", "second", "third"][number - 1] ?? `${number}th`;
}
