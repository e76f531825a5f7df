import { IdlePrompt, useStreamkeeper } from "streamkeeper/react";
import type { Session } from "./api";
import { ChatView } from "./chat/ChatView";
import { useInactivity } from "./chat/useInactivity";
import { EventView } from "./event/EventView";
import { FactsProvider } from "./facts";
import { Faults } from "./faults/Faults";
import { Guide } from "./guide/Guide";
import { Overview } from "./overview/Overview";
import { RelayView } from "./relay/RelayView";
import { Rooms } from "./rooms/Rooms";
import { Timeline } from "./timeline/Timeline";
import { useTimeline } from "./timeline/useTimeline";
import { saveTrace } from "./trace";
import { useView } from "./useView";
import { Views } from "./Views";
import "./studio.css";

/** Everything for somebody who has signed in: how it stands, what to do, what happened, and what may go wrong. */
export function Studio({ session: { user, accessToken } }: { session: Session }) {
  const manager = useStreamkeeper();
  const view = useView();
  const inactivity = useInactivity();
  const { entries, turns, note } = useTimeline();
  return (
    <FactsProvider>
      <Overview />
      <Guide />
      <div className="studio">
        <div className="column views-column">
          <Views view={view} />
          {/* Only out of sight: a meeting that is left in earnest ends its stream. */}
          <div className="column" hidden={view !== "room"}>
            <Rooms user={user} token={accessToken} />
          </div>
          {/* And whoever watches looks at another part of the page, and goes on watching. */}
          <div className="column" hidden={view !== "event"}>
            <EventView user={user} token={accessToken} note={note} />
          </div>
          {/* What plays there goes on playing. */}
          <div className="column" hidden={view !== "relay"}>
            <RelayView user={user} isShown={view === "relay"} note={note} />
          </div>
          {view === "chat" && <ChatView user={user} inactivity={inactivity} />}
        </div>
        <Timeline entries={entries} turns={turns} onSave={() => manager && saveTrace(manager.exportTrace())} />
        <Faults view={view} user={user} inactivity={inactivity} note={note} />
      </div>
      <IdlePrompt />
    </FactsProvider>
  );
}
