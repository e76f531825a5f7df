import { IdlePrompt, useStreamkeeper } from "streamkeeper/react";
import type { Session } from "./api";
import { ChatView } from "./chat/ChatView";
import { useInactivity } from "./chat/useInactivity";
import { EventView } from "./event/EventView";
import { Faults } from "./Faults";
import { Rooms } from "./rooms/Rooms";
import { Timeline } from "./Timeline";
import { saveTrace } from "./trace";
import { useTimeline } from "./useTimeline";
import { useView } from "./useView";
import { Views } from "./Views";

/** Everything for somebody who has signed in: rooms, an event or chat, what may go wrong with it, and what happened. */
export function Studio({ session: { user, accessToken } }: { session: Session }) {
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
            <Rooms user={user} token={accessToken} />
          </div>
          {/* And whoever watches looks at another part of the page, and goes on watching. */}
          <div className="column" hidden={view !== "event"}>
            <EventView user={user} token={accessToken} note={note} />
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
