import { useState } from "react";
import { openChatLogs, type ChatLog } from "../api";
import { usePolling } from "../usePolling";
import { useTask } from "../useTask";
import { clock } from "../words";

type Read = (signal: AbortSignal) => Promise<ChatLog[]>;

/** What an admin sees: everything that the chat service's webhook has told the gateway of. */
export function Logs({ online }: { online: boolean }) {
  const [read, setRead] = useState<Read | null>(null);
  const opening = useTask();
  const logs = usePolling(online ? read : null);
  const open = () =>
    opening.run(async () => {
      const read = await openChatLogs();
      setRead(() => read);
    });
  return (
    <section className="card" aria-labelledby="logs-heading">
      <div className="heading">
        <h2 id="logs-heading">What an admin sees</h2>
        {!read && (
          <button data-testid="open-logs" disabled={opening.busy} onClick={open}>
            Look as an admin
          </button>
        )}
      </div>
      <p className="quiet">The service tells a webhook of every message, and the database keeps what it was told.</p>
      {opening.error && <p role="alert">{opening.error}</p>}
      {read && !logs && <p>One moment.</p>}
      {logs?.length === 0 && <p>Nothing was said yet.</p>}
      {logs && logs.length > 0 && (
        <ol className="logs" data-testid="chat-logs" tabIndex={0} aria-labelledby="logs-heading">
          {logs.map(({ id, received_at, user_id, type, text }) => (
            <li key={id}>
              <time dateTime={received_at}>{clock(received_at)}</time>
              <span>
                <strong>{user_id}</strong> {text} <code>{type}</code>
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
