import { useEffect, useRef } from "react";
import type { NewEntry, Note } from "../timeline/useTimeline";
import type { RecordedEvent } from "./api";

/** Notes what has become of an event since it was read last, by the names that its signals have. */
export function useEventNotes(recorded: RecordedEvent | null, note: Note): void {
  const last = useRef<RecordedEvent | null>(null);
  useEffect(() => {
    const before = last.current;
    last.current = recorded;
    if (!before?.row || !recorded?.row) return;
    changes(before, recorded).forEach(note);
  }, [recorded, note]);
}

function changes(before: RecordedEvent, now: RecordedEvent): NewEntry[] {
  const [was, is] = [before.row, now.row];
  if (!was || !is) return [];
  const entries: NewEntry[] = [];
  const add = (kind: NewEntry["kind"], words: string, name?: string) => entries.push({ lane: "event", kind, words, name });
  if (is.generation > was.generation) add("good", `The event is live, for the ${ordinal(is.generation)} time.`, "event_started");
  if (is.viewers_gone_since === null && was.viewers_gone_since !== null) add("seen", "A viewer is there.", "viewer_first");
  if (is.viewers_gone_since !== null && was.viewers_gone_since === null) add("seen", "The last viewer has left.", "viewer_left_last");
  if (is.status === "ended" && was.status !== "ended") add("good", "The event is over.", "event_ended");
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
