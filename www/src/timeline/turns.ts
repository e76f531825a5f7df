import type { ConnectionManager } from "streamkeeper";
import type { State, Turn } from "./lanes";
import { statesOf, streamShown, type StateLane, type States } from "./states";

/** How it stood in every lane, oldest first. */
export type Turns = Record<StateLane, Turn[]>;

export const NO_TURNS: Turns = { activity: [], page: [], network: [], chat: [], stream: [], outbox: [], event: [] };

/** For each lane. */
const KEPT = 200;

/** From now on it stands otherwise in a lane. */
export interface Change {
  lane: StateLane;
  before: State | null;
  state: State | null;
}

export function withTurns(all: Turns, changes: Pick<Change, "lane" | "state">[]): Turns {
  const at = Date.now();
  const next = { ...all };
  for (const { lane, state } of changes) {
    const last = next[lane].at(-1)?.state ?? null;
    // What has lasted for no time at all was not.
    const before = next[lane].filter((turn) => turn.at !== at);
    if (!isSame(last, state)) next[lane] = [...before, { at, state }].slice(-KEPT);
  }
  return next;
}

/** Has every change of the manager's states, and first of all how it stands now. */
export function watchStates(manager: ConnectionManager, changed: (changes: Change[], isFirst: boolean) => void): () => void {
  let last: States | null = null;
  let stream: string | null = null;
  const look = () => {
    const snapshot = manager.getSnapshot();
    stream = streamShown(snapshot, stream);
    const states = statesOf(snapshot, stream, manager.pendingEnds().length);
    const before = last;
    last = states;
    const lanes = Object.keys(states) as StateLane[];
    const changes = lanes
      .map((lane) => ({ lane, before: before?.[lane] ?? null, state: states[lane] }))
      .filter(({ before, state }) => !isSame(before, state));
    if (changes.length > 0) changed(changes, before === null);
  };
  look();
  return manager.subscribe(look);
}

function isSame(one: State | null, other: State | null): boolean {
  return one?.word === other?.word && one?.kind === other?.kind && one?.because === other?.because;
}
