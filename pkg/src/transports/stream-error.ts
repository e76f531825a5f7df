import { TransportError, withoutSecrets } from "./error.js";

/** Expired, not valid yet, used before it was issued: the clocks differ, or time has passed. */
const TOKEN = [40, 41, 42];

/** Internal, authentication that has failed at their end, too many requests, too slow, too many connections. */
const PASSING = [-1, 3, 9, 23, 71];

/** From here on a code is a WebSocket's, and not one of Stream's API. */
const CLOSE_CODES = 1000;

/** Does an error of Stream's API say that another token would do? */
export function isTokenCode(code: unknown): boolean {
  return TOKEN.includes(code as number);
}

/**
 * What has become of a `connectUser` that the SDK rejected. `reached`: it had made a socket.
 *
 * The SDK puts what the server said into the message, as JSON.
 */
export function connectError(error: unknown, token: string, reached: boolean): TransportError {
  // Then it is the SDK's or the browser's own complaint, which quotes the address, or what it has decoded of the token.
  if (!reached) return new TransportError("refused", "stream-chat made no socket: its token is malformed or another user's, or its baseURL is wrong");
  const { code, StatusCode, message } = read(error);
  const said = withoutSecrets(message, token);
  if (typeof code !== "number" || code >= CLOSE_CODES) return new TransportError("lost", said);
  if (isTokenCode(code)) return new TransportError("token", said);
  const passes = PASSING.includes(code) || Number(StatusCode) >= 500;
  return new TransportError(passes ? "lost" : "refused", said);
}

function read(error: unknown): { code?: unknown; StatusCode?: unknown; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  try {
    const said = JSON.parse(message);
    return { ...said, message: String(said?.message) };
  } catch {
    return { message };
  }
}
