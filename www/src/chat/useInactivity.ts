import { useCallback, useState } from "react";
import type { ManagerConfig } from "streamkeeper";
import { useStreamkeeper } from "streamkeeper/react";

export type Setting = "timeout" | "prompt" | "hiddenGrace";
type Values = Record<Setting, number | null>;

export interface InactivitySettings {
  values: Values;
  error: string | null;
  change: (values: Partial<Values>) => void;
}

/** When somebody counts as away, by their own choice; Streamkeeper's defaults to begin with. */
export function useInactivity(): InactivitySettings {
  const manager = useStreamkeeper();
  const [values, setValues] = useState<Values>({ timeout: 300_000, prompt: null, hiddenGrace: 60_000 });
  const [error, setError] = useState<string | null>(null);
  const change = useCallback(
    (changed: Partial<Values>) => {
      try {
        manager?.setInactivity(changed satisfies ManagerConfig["inactivity"]);
        setValues((before) => ({ ...before, ...changed }));
        setError(null);
      } catch (error) {
        setError(error instanceof Error ? error.message : String(error));
      }
    },
    [manager],
  );
  return { values, error, change };
}
