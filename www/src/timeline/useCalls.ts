import { useEffect, useState } from "react";
import { useStreamkeeper } from "streamkeeper/react";

/** One call of the database that the manager made. */
export interface Call {
  request: number;
  name: string;
  sent: number;
  /** `null`: not yet. */
  answered: number | null;
  /** What came of it, in a word or two. */
  outcome: string | null;
  ok: boolean;
}

/** An entry of the manager's trace, as far as calls are concerned. */
interface Traced {
  at: number;
  what:
    // Quiet inputs, packed together.
    | string
    | { output: "send"; data: { request: number; function: string } }
    | { input: "answer"; of: number; data: Answer };
}

/** What came of a call, in a word; or a response, with as much of its JSON as a trace tells. */
type Answer = string | { http: number; body?: { status?: unknown; code?: unknown } | null };

/** A long trace takes a while to read. */
const EVERY = 2_000;

/** The calls of the last while, oldest first: the manager's trace has when each went out, and what came back. */
export function useCalls(): Call[] {
  const manager = useStreamkeeper();
  const [calls, setCalls] = useState<Call[]>([]);
  useEffect(() => {
    if (!manager) return;
    const read = () => setCalls(callsIn(manager.exportTrace()));
    read();
    // An answer may change nothing; until the next look a call that got it seems to be under way.
    const timer = setInterval(read, EVERY);
    const off = manager.on("endAttempt", read);
    return () => {
      clearInterval(timer);
      off();
    };
  }, [manager]);
  return calls;
}

function callsIn(trace: string): Call[] {
  const { entries } = JSON.parse(trace) as { entries: Traced[] };
  const calls = new Map<number, Call>();
  for (const { at, what } of entries) {
    if (typeof what === "string") continue;
    if ("output" in what && what.output === "send") {
      const { request, function: name } = what.data;
      calls.set(request, { request, name, sent: at, answered: null, outcome: null, ok: true });
    } else if ("input" in what && what.input === "answer") {
      const call = calls.get(what.of);
      if (call) Object.assign(call, { answered: at, ...outcomeOf(what.data) });
    }
  }
  return [...calls.values()];
}

function outcomeOf(data: Answer): Pick<Call, "outcome" | "ok"> {
  if (typeof data === "string") return { outcome: data, ok: false };
  const ok = data.http >= 200 && data.http < 300;
  const said = [data.body?.status, data.body?.code].find((word) => typeof word === "string")?.replace("_", " ");
  return { outcome: [`HTTP ${data.http}`, said].filter(Boolean).join(", "), ok };
}
