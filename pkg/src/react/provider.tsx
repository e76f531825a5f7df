"use client";
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import init, { ConnectionManager, INITIAL_SNAPSHOT, type ManagerConfig } from "streamkeeper";
import { complain } from "./attempt.js";
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

  const told = useRef("");

  // The newest functions, lest the first render's closures go stale; a new manager, if the old one was disposed of; and the
  // first, once a configuration that was wrong is right.
  const share = useCallback(() => {
    try {
      const manager = ConnectionManager.shared(latest.current);
      setProvided((before) => (before.manager === manager ? before : { manager, snapshot: INITIAL_SNAPSHOT }));
      told.current = "";
    } catch (error) {
      // Once, and not at each render.
      const message = String(error);
      if (told.current !== message) complain(error);
      told.current = message;
      setProvided((before) => (before.manager ? before : UNAVAILABLE));
    }
  }, []);

  const isLoaded = useRef(false);
  useEffect(() => {
    latest.current = config;
    if (isLoaded.current) share();
  });

  useEffect(() => {
    let mounted = true;
    const load = () =>
      init().then(
        () => {
          if (!mounted) return;
          window.removeEventListener("online", load);
          isLoaded.current = true;
          share();
        },
        (error: unknown) => {
          complain(error);
          if (mounted) setProvided(UNAVAILABLE);
        },
      );
    void load();
    // A download that was lost with the network is begun again with it.
    window.addEventListener("online", load);
    return () => {
      mounted = false;
      window.removeEventListener("online", load);
    };
  }, [share]);

  return <Context.Provider value={provided}>{children}</Context.Provider>;
}
