import { useCallback, useEffect, useState } from "react";
import type { RoomSession } from "streamkeeper";
import { atReload } from "../atReload";
import { PretendMeeting } from "../meeting";

/** A session that this page is the host of, or was, and its meeting. */
export interface Hosting {
  session: RoomSession;
  meeting: PretendMeeting;
}

const meetingAtReload = atReload("meeting");

/** The session that the host has entered last in this page; whoever was in its meeting is in it again after a reload. */
export function useHosting(open: RoomSession | null): [Hosting | null, (session: RoomSession) => void] {
  const [hosting, setHosting] = useState<Hosting | null>(null);
  const enter = useCallback((session: RoomSession) => {
    const entered = { session, meeting: new PretendMeeting() };
    setHosting((before) => (before?.session.id === session.id ? before : entered));
  }, []);
  useEffect(() => {
    if (open && open.id === meetingAtReload.read()) enter(open);
  }, [open, enter]);
  return [hosting, enter];
}

/** Notes whether one is in the meeting of this session. */
export function useMeetingAtReload(sessionId: string, isInside: boolean): void {
  useEffect(() => meetingAtReload.write(isInside ? sessionId : null), [sessionId, isInside]);
}
