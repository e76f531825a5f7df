import { useLayoutEffect, useState } from "react";
import type { ConnectionManager } from "streamkeeper";
import { useStreamkeeper } from "streamkeeper/react";
import type { State, Turn } from "./lanes";
import { statesOf, streamShown, turnInWords, type StateLane, type States } from "./states";
import type { Note } from "./useTimeline";

/** Oldest first. */
export type Turns = Record<StateLane, Turn[]>;

const NONE: Turns = { activity: [], page: [], network: [], chat: [], stream: [], outbox: [], event: [] };

/** For each lane. */
const KEPT = 200;

/** How it stood in every lane, and since when; what nothing else tells of is noted. */
export function useTurns(note: Note): Turns {
  const manager = useStreamkeeper();
  const [turns, setTurns] = useState(NONE);
  useLayoutEffect(() => {
    if (!manager) return;
    return watch(manager, (at, changed, isFirst) => {
      setTurns((all) => withTurns(isFirst ? NONE : all, at, changed));
      if (!isFirst) changed.forEach(([lane, state]) => tell(note, lane, state));
    });
  }, [manager, note]);
  return turns;
}

type Change = [lane: StateLane, state: State | null];

/** Has every change of the snapshot, and first of all how it stands now. */
function watch(manager: ConnectionManager, turned: (at: number, changed: Change[], isFirst: boolean) => void): () => void {
  let last: States | null = null;
  let stream: string | null = null;
  const look = () => {
    const snapshot = manager.getSnapshot();
    stream = streamShown(snapshot, stream);
    const states = statesOf(snapshot, stream);
    const before = last;
    last = states;
    const changed = (Object.entries(states) as Change[]).filter(([lane, state]) => !isSame(before?.[lane] ?? null, state));
    if (changed.length > 0) turned(Date.now(), changed, before === null);
  };
  look();
  return manager.subscribe(look);
}

function withTurns(all: Turns, at: number, changed: Change[]): Turns {
  const next = { ...all };
  for (const [lane, state] of changed) next[lane] = [...all[lane], { at, state }].slice(-KEPT);
  return next;
}

function tell(note: Note, lane: StateLane, state: State | null): void {
  const words = turnInWords(lane, state);
  if (words) note({ lane, kind: state?.kind ?? "seen", words });
}

function isSame(one: State | null, other: State | null): boolean {
  return one?.word === other?.word && one?.kind === other?.kind && one?.because === other?.because;
}
