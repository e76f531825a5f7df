/** What a sample takes for granted because it is the reader's own, or is explained around it. */
declare const SUPABASE_URL: string;
declare const SUPABASE_KEY: string;
declare const STREAM_KEY: string;
declare const url: string;
declare const apiKey: string;
declare const userId: string;
declare const roomId: string;
declare const eventId: string;

declare const manager: import("streamkeeper").ConnectionManager;
declare const jitsi: import("streamkeeper").JitsiLike;
declare const supabase: import("@supabase/supabase-js").SupabaseClient;
declare const createClient: () => import("stream-chat").StreamChat;
declare function accessToken(): Promise<string | null>;
declare function fetchChatToken(): Promise<string>;
declare function useMyRoom(): { jitsi: import("streamkeeper").JitsiLike | null; streamId: string; userId: string };
declare function letGoOfItsChannels(): void;
declare const recorder: MediaRecorder;
declare const Messages: (props: { client: import("stream-chat").StreamChat | null }) => import("react").JSX.Element;

declare const StreamChat: typeof import("stream-chat").StreamChat;
type StreamChat = import("stream-chat").StreamChat;
declare const { useRoom, useListing, useEvent, useMeeting }: typeof import("streamkeeper/react");

/** Vite's. */
interface ImportMeta {
  readonly env: Record<string, any>;
}
declare module "*.css" {}

/** An Edge Function's. */
declare const Deno: {
  serve(handler: (request: Request) => Response | Promise<Response>): void;
  env: { get(name: string): string | undefined };
};
