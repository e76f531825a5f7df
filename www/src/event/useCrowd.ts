import { useCallback, useEffect, useRef, useState } from "react";
import { Crowd } from "./crowd";

export interface CrowdState {
  /** How many of them are there. */
  here: number;
  /** How many viewers there are in all, as they were told; `null`: nobody was. */
  count: number | null;
  come: () => Promise<void>;
  leave: () => void;
}

const NOBODY = { here: 0, count: null };

/** The viewers that this page makes up. They leave with it. */
export function useCrowd(eventId: string): CrowdState {
  const crowd = useRef<Crowd | null>(null);
  const [state, setState] = useState<{ here: number; count: number | null }>(NOBODY);
  useEffect(() => {
    const mine = new Crowd(eventId, (here, count) =>
      setState((before) => (here === 0 ? NOBODY : { here, count: count ?? before.count })),
    );
    crowd.current = mine;
    return () => {
      crowd.current = null;
      mine.leave();
    };
  }, [eventId]);
  return {
    ...state,
    come: useCallback(async () => crowd.current?.come(), []),
    leave: useCallback(() => crowd.current?.leave(), []),
  };
}
