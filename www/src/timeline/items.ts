import type { Kind, Lane, Turn } from "./lanes";
import { LANES } from "./lanes";
import type { Call } from "./useCalls";
import type { Entry } from "./useTimeline";
import type { Turns } from "./turns";

/** What is drawn: a state that lasts, a call, or a moment. */
export interface Item {
  id: string;
  lane: Lane;
  from: number;
  /** As `from`: a moment. `null`: it goes on. */
  to: number | null;
  kind: Kind;
  /** What stands in its bar. */
  label: string;
  /** What it was, and why. */
  words: string;
  /** The reason's own name. */
  name?: string | undefined;
}

/** Everything that there is to draw, oldest first. */
export function itemsOf(turns: Turns, calls: Call[], entries: Entry[]): Item[] {
  const items = [
    ...Object.entries(turns).flatMap(([lane, all]) => statesOf(lane as Lane, all)),
    ...calls.map(callOf),
    ...entries.map(momentOf),
  ];
  return items.sort((one, other) => one.from - other.from);
}

function statesOf(lane: Lane, turns: Turn[]): Item[] {
  return turns.flatMap(({ at, state }, index) => {
    if (!state) return [];
    const words = [`${LANES[lane]}: ${state.word}.`, state.because].filter(Boolean).join(" ");
    const { word, kind, name } = state;
    return [{ id: `${lane}-${at}`, lane, from: at, to: turns[index + 1]?.at ?? null, kind, label: word, words, name }];
  });
}

function callOf({ request, name, sent, answered, outcome, ok }: Call): Item {
  const words = outcome ? `${name} was answered: ${outcome}.` : `${name} is under way.`;
  return { id: `call-${request}`, lane: "calls", from: sent, to: answered, kind: ok ? "call" : "bad", label: name, words };
}

function momentOf({ id, at, lane = "page", kind, words, name }: Entry): Item {
  return { id: `moment-${id}`, lane, from: at.getTime(), to: at.getTime(), kind, label: "", words, name };
}

/** How long it lasts, or when it was, for people. */
export function lengthInWords({ from, to }: Item, now: number): string {
  if (to === from) return "";
  const seconds = Math.max(0, (to ?? now) - from) / 1_000;
  const length = seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : seconds < 60 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`;
  return to === null ? `${length} so far` : length;
}
