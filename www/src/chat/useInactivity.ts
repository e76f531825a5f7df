import { useCallback, useState } from "react";
import type { ManagerConfig } from "streamkeeper";
import { useStreamkeeper } from "streamkeeper/react";

export type Setting = "timeout" | "prompt" | "hiddenGrace";
type Values = Record<Setting, number | null>;

export interface InactivitySettings {
  values: Values;
  error: string | null;
  change: (setting: Setting, value: number | null) => void;
}

/** When somebody counts as away, by their own choice; Streamkeeper's defaults to begin with. */
export function useInactivity(): InactivitySettings {
  const manager = useStreamkeeper();
  const [values, setValues] = useState<Values>({ timeout: 300_000, prompt: null, hiddenGrace: 60_000 });
  const [error, setError] = useState<string | null>(null);
  const change = useCallback(
    (setting: Setting, value: number | null) => {
      try {
        manager?.setInactivity({ [setting]: value } satisfies ManagerConfig["inactivity"]);
        setValues((before) => ({ ...before, [setting]: value }));
        setError(null);
      } catch (error) {
        setError(error instanceof Error ? error.message : String(error));
      }
    },
    [manager],
  );
  return { values, error, change };
}
