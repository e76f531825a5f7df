import { ConnectionStatus, useConnection } from "streamkeeper/react";
import { useTask } from "../useTask";

/** The connection as the manager in this page sees it. */
export function Connection() {
  const { status, lastError, reconnect } = useConnection();
  // What goes wrong with it is part of the connection's state.
  const task = useTask();
  return (
    <section className="card" aria-labelledby="connection-heading">
      <h2 id="connection-heading">This page</h2>
      <div className="chat-status" data-testid="chat-status">
        <ConnectionStatus lastActivity />
      </div>
      {lastError && status !== "connected" && (
        <p className="problem" data-testid="chat-error">
          {lastError}
        </p>
      )}
      <button
        className="modest"
        data-testid="reconnect"
        disabled={task.busy}
        onClick={() => task.run(() => reconnect({ force: true }))}
      >
        Connect anew
      </button>
    </section>
  );
}
