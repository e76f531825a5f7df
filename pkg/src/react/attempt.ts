/** An error of ours must not take an app's render down. */
export function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** The same for an effect that has something to undo; undoing must not take it down either. */
export function attemptEffect(run: () => () => void): (() => void) | undefined {
  const undo = attempt(run);
  return undo && (() => attempt(undo));
}

/** For what has no logger and no snapshot to go to. */
export function complain(error: unknown): void {
  console.error("[streamkeeper]", error);
}
