/**
 * Settles as `work` does, or rejects when the signal aborts. On abort `undo` is called within that very call: the page may
 * be going. Who hears of a failure hears of it when `undo` has settled.
 */
export async function attempt<T>(signal: AbortSignal, work: Promise<T>, undo: () => Promise<unknown>): Promise<T> {
  let undone: Promise<unknown> | undefined;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      undone = undo();
      reject(signal.reason);
    };
  });
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    // Why it failed says more than what went wrong while it was cleared away.
    await (undone ?? undo()).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
