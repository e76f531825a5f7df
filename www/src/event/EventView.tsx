import { useState } from "react";
import type { AccessToken } from "../accessToken";
import type { Note } from "../timeline/useTimeline";
import { eventInAddress, writeEvent } from "./address";
import { Beginning } from "./Beginning";
import { OneEvent } from "./OneEvent";
import "./event.css";

interface Props {
  user: string;
  token: AccessToken;
  note: Note;
}

/** The event that the page is about, or the way to one. */
export function EventView({ user, token, note }: Props) {
  const [id, setId] = useState(eventInAddress);
  const be = (next: string | null) => {
    writeEvent(next);
    setId(next);
  };
  if (id === null) return <Beginning user={user} token={token} onBegun={be} />;
  return <OneEvent key={id} id={id} user={user} token={token} note={note} onAnother={() => be(null)} />;
}
