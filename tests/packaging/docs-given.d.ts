/** What a sample takes for granted because it is the reader's own, or is explained around it. */
import type { ConnectionManager, JitsiLike } from "streamkeeper";
import type * as React from "streamkeeper/react";

declare global {
  const SUPABASE_URL: string;
  const SUPABASE_KEY: string;
  const STREAM_KEY: string;
  const url: string;
  const apiKey: string;
  const userId: string;
  const roomId: string;
  const eventId: string;

  const manager: ConnectionManager;
  const jitsi: JitsiLike;
  const supabase: import("@supabase/supabase-js").SupabaseClient;
  const createClient: () => import("stream-chat").StreamChat;
  function accessToken(): Promise<string | null>;
  function fetchChatToken(): Promise<string>;
  function useMyRoom(): { jitsi: JitsiLike | null; streamId: string; userId: string };
  function letGoOfItsChannels(): void;
  const Messages: (props: { client: import("stream-chat").StreamChat | null }) => import("react").JSX.Element;

  const StreamChat: typeof import("stream-chat").StreamChat;
  type StreamChat = import("stream-chat").StreamChat;
  const { useRoom, useListing, useEvent, useMeeting }: typeof React;

  /** Vite's. */
  interface ImportMeta {
    readonly env: Record<string, string>;
  }
  /** An Edge Function's. */
  const Deno: { serve(handler: (request: Request) => Response | Promise<Response>): void; env: { get(name: string): string | undefined } };
}
