"use client";
import { useEffect, useRef } from "react";
import type { StreamkeeperError } from "streamkeeper";
import { complain } from "./attempt.js";
import { useStreamkeeper } from "./context.js";

/** Who is to be connected to chat, and what the service is to know of them. */
export interface ChatUser {
  id: string;
  data?: object;
}

/**
 * Connects a user to chat as soon as there is one, and another one in their place. What comes of it is in the snapshot.
 *
 * It signs nobody out: neither unmounting it nor `null` closes anything, so that the connection outlives a change of pages.
 * Signing out is `manager.disconnectUser()`. `user` and `token` may be written inline: of later renders' functions and data
 * the newest are used, by the next connection.
 */
export function useChatUser(user: ChatUser | null | undefined, token: string | (() => string | Promise<string>)): void {
  const manager = useStreamkeeper();
  const newest = useRef({ token, data: {} as Record<string, unknown> });
  const id = user?.id;
  const fixed = typeof token === "function" ? undefined : token;

  useEffect(() => {
    // Somebody who stays connected without being named any longer keeps what they had.
    if (!user) return;
    newest.current.token = token;
    // The same object for good, because every connection reads it anew.
    const { data } = newest.current;
    for (const key of Object.keys(data)) delete data[key];
    Object.assign(data, user.data);
  });

  useEffect(() => {
    if (!manager || id === undefined) return;
    const ask = () => {
      const { token } = newest.current;
      return typeof token === "function" ? token() : token;
    };
    manager.connectUser(id, fixed ?? ask, newest.current.data).catch((error: StreamkeeperError) => {
      // Whatever becomes of a connection is in the snapshot, and the manager goes on trying. This is the app's mistake.
      if (error.code === "invalid_argument" || error.code === "no_chat") complain(error);
    });
  }, [manager, id, fixed]);
}
