/** A meeting in which happens what the test says. */
import { EventEmitter } from "eventemitter3";
import { useEffect } from "react";

export function JitsiMeeting({ roomName, onApiReady }) {
  useEffect(() => {
    const meeting = new EventEmitter();
    window.meeting = meeting;
    onApiReady(meeting);
  }, []);
  return <div data-testid="meeting">{roomName}</div>;
}
