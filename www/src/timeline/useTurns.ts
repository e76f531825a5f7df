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
      if (!isFirst) changed.forEach((change) => tell(note, change));
    });
  }, [manager, note]);
  return turns;
}

interface Change {
  lane: StateLane;
  before: State | null;
  state: State | null;
}

/** Has every change of the snapshot, and first of all how it stands now. */
function watch(manager: ConnectionManager, turned: (at: number, changed: Change[], isFirst: boolean) => void): () => void {
  let last: States | null = null;
  let stream: string | null = null;
  const look = () => {
    const snapshot = manager.getSnapshot();
    stream = streamShown(snapshot, stream);
    const states = statesOf(snapshot, stream, manager.pendingEnds().length);
    const before = last;
    last = states;
    const lanes = Object.keys(states) as StateLane[];
    const changed = lanes
      .map((lane) => ({ lane, before: before?.[lane] ?? null, state: states[lane] }))
      .filter(({ before, state }) => !isSame(before, state));
    if (changed.length > 0) turned(Date.now(), changed, before === null);
  };
  look();
  return manager.subscribe(look);
}

function withTurns(all: Turns, at: number, changed: Change[]): Turns {
  const next = { ...all };
  for (const { lane, state } of changed) next[lane] = [...all[lane], { at, state }].slice(-KEPT);
  return next;
}

function tell(note: Note, { lane, before, state }: Change): void {
  const words = turnInWords(lane, before, state);
  if (words) note({ lane, kind: state?.kind ?? "seen", words });
}

function isSame(one: State | null, other: State | null): boolean {
  return one?.word === other?.word && one?.kind === other?.kind && one?.because === other?.because;
}
