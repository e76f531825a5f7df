"use client";
import { useEffect } from "react";
import type { JitsiLike, MeetingStream } from "streamkeeper";
import { attemptEffect } from "./attempt.js";
import { useStreamkeeper } from "./context.js";

/**
 * Attaches a meeting to its stream while the component is mounted. Leaving the page of the meeting therefore ends the
 * stream of a host after `ending.leaveGrace`; StrictMode's second mount does not.
 */
export function useMeeting(meeting: JitsiLike | null | undefined, stream: MeetingStream | null | undefined): void {
  const manager = useStreamkeeper();
  const { streamId, streamerId, role, hostParticipantId } = stream ?? {};
  useEffect(() => {
    if (!manager || !meeting || streamId === undefined || streamerId === undefined || role === undefined) return;
    return attemptEffect(() => manager.attachMeeting(meeting, { streamId, streamerId, role, hostParticipantId }));
  }, [manager, meeting, streamId, streamerId, role, hostParticipantId]);
}
