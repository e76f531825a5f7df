/**
 * What kind of error it is.
 *
 * - `invalid_config`: an unknown key or a value out of bounds; the message names the path, the value and the bounds
 * - `invalid_argument`: a missing, malformed or too long argument; the message names it
 * - `not_initialised`: `await init()` first
 * - `unavailable`: WebAssembly cannot be had here (a content security policy, an old browser, a file that was not found)
 * - `no_backend`: the method needs `backend` in the configuration
 * - `no_chat`: the method needs `chat` in the configuration
 * - `not_allowed`: the backend knows who is asking, and says no
 * - `not_found`: there is no such stream
 * - `conflict`: the state on the server does not admit it
 * - `offline`: the backend could not be reached
 * - `timeout`: no answer in time
 * - `rejected`: the backend answered with an error, or the answer is not its own
 * - `token`: no valid token could be had
 * - `disposed`: the manager has been disposed of
 * - `crashed`: a defect in Streamkeeper; the app goes on without it
 */
export type ErrorCode =
  | "invalid_config"
  | "invalid_argument"
  | "not_initialised"
  | "unavailable"
  | "no_backend"
  | "no_chat"
  | "not_allowed"
  | "not_found"
  | "conflict"
  | "offline"
  | "timeout"
  | "rejected"
  | "token"
  | "disposed"
  | "crashed";

/** What every promise rejects with and every method throws. It never holds a token, a key or a header. */
export class StreamkeeperError extends Error {
  override readonly name = "StreamkeeperError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The backend's `{code, message, details, hint}`, or the error that led to this one. */
    cause?: unknown,
  ) {
    super(message, cause === undefined || cause === null ? undefined : { cause });
  }
}

/** What `read` gives of something of the app's. A proxy or a getter may throw: then it is as wrong as any other wrong value. */
export function readable<T>(code: "invalid_argument" | "invalid_config", name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StreamkeeperError) throw error;
    throw new StreamkeeperError(code, `${name} cannot be read`, error);
  }
}

/** An error as the WASM gives it: `{code, message, cause}`. */
export function fromRaw(raw: unknown): StreamkeeperError {
  if (raw instanceof StreamkeeperError) return raw;
  const { code, message, cause } = (raw ?? {}) as { code?: ErrorCode; message?: string; cause?: unknown };
  return typeof code === "string" && typeof message === "string"
    ? new StreamkeeperError(code, message, cause)
    : new StreamkeeperError("crashed", "an unexpected error inside Streamkeeper", raw);
}
