import { useEffect, useState, useSyncExternalStore } from "react";

/** How much time fits, in milliseconds. */
const SHORTEST = 2_000;
const LONGEST = 30 * 60_000;
const USUAL = 30_000;

/** What one step of zooming is. */
const STEP = 1.6;

/** Parts of the picture in which it moves on: about as wide as a pixel or two. */
const STEPS = 300;

export interface TimeWindow {
  from: number;
  to: number;
  /** Nothing is shown that is younger. */
  now: number;
  /** It stays where it is; else it follows the present. */
  isPaused: boolean;
  zoom: (closer: boolean) => void;
  /** By parts of what is shown. */
  pan: (parts: number) => void;
  /** So that this moment is to be seen. */
  show: (moment: number) => void;
  pause: () => void;
  follow: () => void;
}

/** The part of time that is shown. `isHeld`: somebody looks at something in it, which is not to run away. */
export function useWindow(isHeld: boolean): TimeWindow {
  const [began] = useState(Date.now);
  const [span, setSpan] = useState(USUAL);
  /** Its end; `null`: the present. */
  const [end, setEnd] = useState<number | null>(null);
  const now = useNow(isHeld || end !== null ? null : span / STEPS);
  // At first it fills up from the left.
  const to = end ?? Math.max(now, began + span);

  const stayAt = (moment: number) => setEnd(Math.min(moment, Math.max(Date.now(), began + span)));
  return {
    from: to - span,
    to,
    now,
    isPaused: end !== null,
    zoom: (closer) => {
      const next = Math.min(LONGEST, Math.max(SHORTEST, closer ? span / STEP : span * STEP));
      setSpan(next);
      // The middle stays where it is.
      if (end !== null) setEnd(end - (span - next) / 2);
    },
    pan: (parts) => stayAt(to + parts * span),
    show: (moment) => {
      if (moment < to - span || moment > to) stayAt(moment + span / 2);
    },
    pause: () => setEnd(to),
    follow: () => setEnd(null),
  };
}

/** The time, again and again; `null`: as it was. */
function useNow(every: number | null): number {
  const [now, setNow] = useState(Date.now);
  const calm = useReducedMotion();
  const step = every === null ? null : Math.min(1_000, Math.max(every, calm ? 1_000 : 50));
  useEffect(() => {
    if (step === null) return;
    const tick = () => setNow(Date.now());
    tick();
    const timer = setInterval(tick, step);
    return () => clearInterval(timer);
  }, [step]);
  return now;
}

const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");

function useReducedMotion(): boolean {
  return useSyncExternalStore(
    (changed) => {
      REDUCED.addEventListener("change", changed);
      return () => REDUCED.removeEventListener("change", changed);
    },
    () => REDUCED.matches,
  );
}
