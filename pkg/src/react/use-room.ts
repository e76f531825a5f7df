"use client";
import { useCallback, useEffect, useMemo, useState } from "react";
import { StreamkeeperError, type EndRoomResult, type GoLiveOptions, type RoomSession, type RoomState, type Snapshot } from "streamkeeper";
import { useManager, useStreamkeeper } from "./context.js";
import { useSnapshot } from "./use-snapshot.js";

/**
 * A room: who its host is, what is live in it, and what can be done with it.
 *
 * `hint`: what the page believes of `isHost`, from its own navigation for instance, until the database has said so.
 */
export function useRoom(
  roomId: string | null | undefined,
  hint?: boolean,
): {
  /** `null`: not known yet. */
  isHost: boolean | null;
  status: RoomState["status"];
  /** The open session; attach its meeting with `session.stream_id`. */
  session: RoomSession | null;
  /** Somebody here is going live, or ends the room. */
  busy: boolean;
  /** Why the last try failed. */
  error: string | null;
  /** The room was live already when this page wanted to go live: join this session, or `goLive({ takeOver: true })`. */
  conflict: RoomSession | null;
  /** Rejects with a `StreamkeeperError`. */
  goLive: (options?: GoLiveOptions) => Promise<RoomSession>;
  /** Rejects with a `StreamkeeperError`. */
  endRoom: () => Promise<EndRoomResult>;
} {
  const manager = useManager();
  const ready = useStreamkeeper();
  const key = roomId?.toLowerCase() ?? "";
  const room = useSnapshot(useCallback((snapshot: Snapshot) => snapshot.rooms[key] ?? null, [key]));
  const isUnknown = (room?.isHost ?? null) === null;
  const [conflict, setConflict] = useState<RoomSession | null>(null);
  useEffect(() => {
    // What it rejects with is in the snapshot. Whoever else signs in makes it a new question.
    if (ready && roomId && isUnknown) void ready.isHost(roomId, hint).catch(() => {});
  }, [ready, roomId, hint, isUnknown]);
  useEffect(() => setConflict(null), [key]);
  return useMemo(
    () => ({
      isHost: room?.isHost ?? hint ?? null,
      status: room?.status ?? "idle",
      session: room?.session ?? null,
      busy: room?.status === "going_live" || room?.status === "ending",
      error: room?.lastError ?? null,
      conflict,
      goLive: async (options?: GoLiveOptions) => {
        setConflict(null);
        return (await manager()).goLive(roomId ?? "", options).catch((error: unknown) => {
          setConflict(sessionOf(error));
          throw error;
        });
      },
      endRoom: async () => {
        setConflict(null);
        return (await manager()).endRoom(roomId ?? "");
      },
    }),
    [manager, room, hint, conflict, roomId],
  );
}

function sessionOf(error: unknown): RoomSession | null {
  if (!(error instanceof StreamkeeperError) || error.code !== "conflict") return null;
  return (error.cause as { session?: RoomSession } | undefined)?.session ?? null;
}
