import { IdlePrompt, useStreamkeeper } from "streamkeeper/react";
import type { Session } from "./api";
import { ChatView } from "./chat/ChatView";
import { useInactivity } from "./chat/useInactivity";
import { Faults } from "./Faults";
import { Rooms } from "./rooms/Rooms";
import { Timeline } from "./Timeline";
import { saveTrace } from "./trace";
import { useTimeline } from "./useTimeline";
import { useView } from "./useView";
import { Views } from "./Views";

/** Everything for somebody who has signed in: rooms or chat, what may go wrong with it, and what happened. */
export function Studio({ session: { user, token } }: { session: Session }) {
  const manager = useStreamkeeper();
  const view = useView();
  const inactivity = useInactivity();
  const [entries, note] = useTimeline();
  return (
    <>
      <Views view={view} />
      <div className="studio">
        <div className="column">
          {/* Only out of sight: a meeting that is left in earnest ends its stream. */}
          <div className="column" hidden={view !== "room"}>
            <Rooms user={user} token={token} />
          </div>
          {view === "chat" && <ChatView user={user} inactivity={inactivity} />}
          <Faults view={view} user={user} onTold={(words) => note({ kind: "page", words })} />
        </div>
        <Timeline entries={entries} onSave={() => manager && saveTrace(manager.exportTrace())} />
      </div>
      <IdlePrompt />
    </>
  );
}
