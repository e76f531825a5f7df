"use client";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { EndRoomResult, GoLiveOptions, RoomSession, RoomState, Snapshot } from "streamkeeper";
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
  const [conflict, setConflict] = useState<{ key: string; session: RoomSession } | null>(null);
  useEffect(() => {
    // Asked again by itself when it fails; an id that is none shows in what is done with it. Whoever else signs in makes it a
    // new question.
    if (ready && roomId && isUnknown) void ready.isHost(roomId, hint).catch(() => {});
  }, [ready, roomId, hint, isUnknown]);
  // The same functions however the room is: what an effect depends on must not change with what the effect does.
  const goLive = useCallback(
    async (options?: GoLiveOptions) => {
      setConflict(null);
      return (await manager()).goLive(roomId ?? "", options).catch((error: unknown) => {
        const session = sessionOf(error);
        if (session) setConflict({ key, session });
        throw error;
      });
    },
    [manager, roomId, key],
  );
  const endRoom = useCallback(async () => {
    setConflict(null);
    return (await manager()).endRoom(roomId ?? "");
  }, [manager, roomId]);
  return useMemo(
    () => ({
      isHost: room?.isHost ?? hint ?? null,
      status: room?.status ?? "idle",
      session: room?.session ?? null,
      busy: room?.status === "going_live" || room?.status === "ending",
      error: room?.lastError ?? null,
      // Not of the room that was shown before.
      conflict: conflict?.key === key ? conflict.session : null,
      goLive,
      endRoom,
    }),
    [room, hint, conflict, key, goLive, endRoom],
  );
}

function sessionOf(error: unknown): RoomSession | null {
  // By its code: another copy of the module has another class.
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { session?: RoomSession } };
  return code === "conflict" ? (cause?.session ?? null) : null;
}
