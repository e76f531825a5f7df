"use client";
import { useEffect, useRef, useState, type ReactNode } from "react";
import init, { ConnectionManager, INITIAL_SNAPSHOT, type ManagerConfig } from "streamkeeper";
import { attempt, complain } from "./attempt.js";
import { Context, LOADING, type Provided } from "./context.js";

const UNAVAILABLE: Provided = {
  manager: null,
  snapshot: Object.freeze({ ...INITIAL_SNAPSHOT, phase: "unavailable" as const }),
};

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
          complain(error);
          if (mounted) setProvided(UNAVAILABLE);
        },
      );
    return () => {
      mounted = false;
    };
  }, []);

  return <Context.Provider value={provided}>{children}</Context.Provider>;
}
