"use client";
/**
 * React bindings, for React 18 and later.
 *
 * @packageDocumentation
 */
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
  type ReactNode,
} from "react";
// By its own name, so that the bundler's conditions choose the entry that works there.
import init, {
  ConnectionManager,
  INITIAL_SNAPSHOT,
  StreamkeeperError,
  type EndResult,
  type JitsiLike,
  type ManagerConfig,
  type MeetingStream,
  type Snapshot,
  type StreamState,
  type StreamStatus,
} from "streamkeeper";
import { isLiteral } from "./snapshot.js";

type Provided = { manager: ConnectionManager | null; snapshot: Snapshot };

const LOADING: Provided = { manager: null, snapshot: INITIAL_SNAPSHOT };
const UNAVAILABLE: Provided = {
  manager: null,
  snapshot: Object.freeze({ ...INITIAL_SNAPSHOT, phase: "unavailable" as const }),
};
const Context = createContext<Provided>(LOADING);

/**
 * Loads Streamkeeper and gives the page's one manager to the components below. They render at once, with
 * `snapshot.phase === "loading"`; where WebAssembly is blocked the phase becomes `"unavailable"`, and the app goes on.
 *
 * Unmounting it disposes of nothing: the manager belongs to the page. `config` may be written inline.
 */
export function StreamkeeperProvider({ config, children }: { config?: ManagerConfig; children?: ReactNode }) {
  const [provided, setProvided] = useState(LOADING);
  const latest = useRef(config);

  useEffect(() => {
    latest.current = config;
    if (!provided.manager) return;
    // The newest functions, lest the first render's closures go stale; and a new manager, if the old one was disposed of.
    const manager = attempt(() => ConnectionManager.shared(config));
    if (manager && manager !== provided.manager) setProvided({ manager, snapshot: INITIAL_SNAPSHOT });
  });

  useEffect(() => {
    let mounted = true;
    init()
      .then(() => ConnectionManager.shared(latest.current))
      .then(
        (manager) => mounted && setProvided({ manager, snapshot: INITIAL_SNAPSHOT }),
        (error: unknown) => {
          console.error("[streamkeeper]", error);
          if (mounted) setProvided(UNAVAILABLE);
        },
      );
    return () => {
      mounted = false;
    };
  }, []);

  return <Context.Provider value={provided}>{children}</Context.Provider>;
}

/** The manager; `null` while it loads, on a server, and where it is unavailable. */
export function useStreamkeeper(): ConnectionManager | null {
  return useContext(Context).manager;
}

/** The snapshot, or what `selector` takes of it. Re-renders only when that changes. */
export function useSnapshot(): Snapshot;
export function useSnapshot<T>(selector: (snapshot: Snapshot) => T): T;
export function useSnapshot<T>(selector?: (snapshot: Snapshot) => T): T | Snapshot {
  const { manager, snapshot } = useContext(Context);
  const last = useRef<T | Snapshot>(undefined);
  const get = useMemo(() => {
    const source = manager ? manager.getSnapshot : () => snapshot;
    let from: Snapshot | undefined;
    let selected: T | Snapshot;
    return () => {
      const now = source();
      if (now !== from) {
        from = now;
        const next = selector ? selector(now) : now;
        selected = isSame(last.current, next) ? last.current! : next;
      }
      return selected;
    };
  }, [manager, snapshot, selector]);
  // What a server has rendered, and hydration therefore has to begin with.
  const getInitial = useMemo(() => {
    const initial = selector ? selector(INITIAL_SNAPSHOT) : INITIAL_SNAPSHOT;
    return () => initial;
  }, [selector]);
  const selected = useSyncExternalStore(manager?.subscribe ?? subscribeToNothing, get, getInitial);
  useEffect(() => {
    last.current = selected;
  });
  return selected;
}

/**
 * Attaches a meeting to its stream while the component is mounted. Leaving the page of the meeting therefore ends the
 * stream of a host after `ending.leaveGrace`; StrictMode's second mount does not.
 */
export function useMeeting(meeting: JitsiLike | null | undefined, stream: MeetingStream | null | undefined): void {
  const manager = useStreamkeeper();
  const { streamId, streamerId, role, hostParticipantId } = stream ?? {};
  useEffect(() => {
    if (!manager || !meeting || streamId === undefined || streamerId === undefined || role === undefined) return;
    return attempt(() => manager.attachMeeting(meeting, { streamId, streamerId, role, hostParticipantId }));
  }, [manager, meeting, streamId, streamerId, role, hostParticipantId]);
}

/** What this page knows of a stream (`null`: nothing yet), and what can be done with it. */
export function useStream(streamId: string | null | undefined): {
  stream: StreamState | null;
  /** Ends it; rejects with a `StreamkeeperError`. */
  end: (reason?: string) => Promise<EndResult>;
  /** Asks the database; rejects with a `StreamkeeperError`. */
  checkStatus: () => Promise<StreamStatus>;
} {
  const { manager, snapshot } = useContext(Context);
  const key = streamId?.toLowerCase() ?? "";
  const stream = useSnapshot(useCallback((snapshot: Snapshot) => snapshot.streams[key] ?? null, [key]));
  return useMemo(() => {
    const use = async () => {
      if (manager) return manager;
      if (snapshot.phase === "unavailable") throw new StreamkeeperError("unavailable", "Streamkeeper could not be started");
      throw new StreamkeeperError("not_initialised", "Streamkeeper is still being loaded, or StreamkeeperProvider is missing");
    };
    return {
      stream,
      end: async (reason?: string) => (await use()).endStreamById(streamId ?? "", reason),
      checkStatus: async () => (await use()).getStreamStatus(streamId ?? ""),
    };
  }, [manager, snapshot.phase, stream, streamId]);
}

/** Equal, or two literals of equal members: a selector may well make a new one each time. */
function isSame(last: unknown, next: unknown): boolean {
  if (Object.is(last, next)) return true;
  if (!isLiteral(last) || !isLiteral(next) || Array.isArray(last) !== Array.isArray(next)) return false;
  const [before, after] = [Object.entries(last), Object.entries(next)];
  return before.length === after.length && after.every(([key, value]) => Object.is((last as Record<string, unknown>)[key], value));
}

function subscribeToNothing(): () => void {
  return () => {};
}

/** An error of ours must not take an app's render down. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    console.error("[streamkeeper]", error);
    return undefined;
  }
}
