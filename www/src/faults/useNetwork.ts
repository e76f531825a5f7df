import { useCallback, useEffect, useRef, useState } from "react";
import { make, type Condition } from "./conditions";

export interface Network {
  /** What is wrong with it; `null`: nothing. */
  condition: Condition | null;
  /** From this very moment on. One at a time. */
  become: (condition: Condition | null) => void;
}

/** The page's own network, for as long as somebody is signed in. */
export function useNetwork(): Network {
  const [condition, setCondition] = useState<Condition | null>(null);
  const back = useRef<(() => void) | null>(null);
  const become = useCallback((next: Condition | null) => {
    back.current?.();
    back.current = next && make(next);
    setCondition(next);
  }, []);
  useEffect(() => () => back.current?.(), []);
  return { condition, become };
}
