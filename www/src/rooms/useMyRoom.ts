import { useCallback, useEffect, useState } from "react";
import { useStreamkeeper } from "streamkeeper/react";

export interface MyRoom {
  roomId: string | null;
  error: string | null;
  retry: () => void;
}

/** One's own room, which is made at the first visit. */
export function useMyRoom(): MyRoom {
  const manager = useStreamkeeper();
  const [roomId, setRoomId] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!manager) return;
    let current = true;
    setError(null);
    manager.myRoom().then(
      ({ id }) => {
        if (current) setRoomId(id);
      },
      (error: unknown) => {
        if (current) setError(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      current = false;
    };
  }, [manager, attempt]);

  return { roomId, error, retry: useCallback(() => setAttempt((before) => before + 1), []) };
}
