"use client";
import { useEffect, useState } from "react";
import type { Snapshot } from "streamkeeper";
import { Box } from "./box.js";
import { Button } from "./button.js";
import { useStreamkeeper } from "./context.js";
import { useSnapshot } from "./use-snapshot.js";
import { IDLE_WORDS, type IdleWords } from "./words.js";

/** What `IdlePrompt` takes. */
export interface IdlePromptProps {
  className?: string;
  words?: Partial<IdleWords>;
}

/** As long as a tap takes. It is activity as soon as it begins, and must not end on what lies beneath the button. */
const TAP = 600;

/**
 * Asks whether anybody is still there, `inactivity.prompt` before chat disconnects. Whatever they do is an answer, and the
 * question goes away.
 *
 * It is an alert, and no dialog: screen readers read it out at once, and the focus stays where somebody may be reading.
 */
export function IdlePrompt({ className = "", words }: IdlePromptProps) {
  const manager = useStreamkeeper();
  const until = useLingering(useSnapshot(read), TAP);
  const say = { ...IDLE_WORDS, ...words };
  return (
    <div role="alert" tabIndex={-1} className="streamkeeper-live">
      {until !== null && (
        <Box className={`streamkeeper-idle-prompt ${className}`.trim()}>
          <p>
            <strong>{say.question}</strong> {say.consequence(new Date(until))}
          </p>
          <Button onClick={() => manager?.keepAwake()}>{say.answer}</Button>
        </Box>
      )}
    </div>
  );
}

function read({ phase, presence }: Snapshot): number | null {
  return phase === "ready" ? presence.idlePromptUntil : null;
}

/** The value, and the last one for so long after it has become `null`. */
function useLingering<T>(value: T | null, milliseconds: number): T | null {
  const [last, setLast] = useState(value);
  useEffect(() => {
    if (value !== null) return setLast(value);
    if (last === null) return;
    const timer = setTimeout(() => setLast(null), milliseconds);
    return () => clearTimeout(timer);
  }, [value, last, milliseconds]);
  return value ?? last;
}
