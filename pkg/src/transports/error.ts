/** What would help: another token, nothing, or another attempt. */
export type TransportErrorCode = "token" | "refused" | "lost";

/** Why there is no connection. */
export class TransportError extends Error {
  override readonly name = "TransportError";

  constructor(
    readonly code: TransportErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A vendor's words without what they may quote: the token, and addresses, since vendors put tokens into those. */
export function withoutSecrets(text: string, token: string): string {
  const addressless = text.replace(/\b(?:wss?|https?):\/*[^\s"']*/gi, "…");
  return (token ? addressless.replaceAll(token, "…") : addressless).slice(0, 200);
}
