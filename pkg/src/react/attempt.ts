/** An error of ours must not take an app's render down. */
export function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** For what has no logger and no snapshot to go to. */
export function complain(error: unknown): void {
  console.error("[streamkeeper]", error);
}
