import { useMemo } from "react";
import { readSockets } from "../api";
import { usePolling } from "../usePolling";

/** The same connection, as the chat service counts it. */
export function Service({ user, online }: { user: string; online: boolean }) {
  const read = useMemo(() => (online ? (signal: AbortSignal) => readSockets(user, signal) : null), [user, online]);
  const sockets = usePolling(read);
  return (
    <section className="card" aria-labelledby="service-heading">
      <h2 id="service-heading">The chat service</h2>
      <p className="status" data-status={sockets?.open ? "live" : "off air"}>
        <span aria-hidden="true" className="dot" />
        <span data-testid="chat-sockets">{sockets ? inWords(sockets.open) : "…"}</span>
      </p>
      {sockets && (
        <p className="quiet">
          At most {sockets.peak} at one time, {sockets.opened} so far. Each one that is open costs.
        </p>
      )}
      {!online && <p className="problem">As last read: the network is away.</p>}
    </section>
  );
}

function inWords(open: number): string {
  if (open === 0) return "no socket";
  return open === 1 ? "1 open socket" : `${open} open sockets`;
}
