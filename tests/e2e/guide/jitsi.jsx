/** A meeting that is joined at once, and left when the test says so. */
import { EventEmitter } from "eventemitter3";
import { useEffect } from "react";

export function JitsiMeeting({ roomName, onApiReady }) {
  useEffect(() => {
    const meeting = new EventEmitter();
    window.meeting = meeting;
    onApiReady(meeting);
    queueMicrotask(() => meeting.emit("videoConferenceJoined", { roomName, id: "me" }));
  }, []);
  return <div data-testid="meeting">{roomName}</div>;
}
