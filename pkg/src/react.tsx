/**
 * React bindings, for React 18 and later. What there is to be seen needs no stylesheet; `streamkeeper/react.css` is one.
 *
 * @module streamkeeper/react
 */
"use client";
export { useStreamkeeper } from "./react/context.js";
export { StreamkeeperProvider } from "./react/provider.js";
export { useSnapshot } from "./react/use-snapshot.js";
export { useMeeting } from "./react/use-meeting.js";
export { useStream } from "./react/use-stream.js";
export { useRoom } from "./react/use-room.js";
export { useListing } from "./react/use-listing.js";
export { useEvent } from "./react/use-event.js";
export { useSession } from "./react/use-session.js";
export { useChatUser, type ChatUser } from "./react/use-chat-user.js";
export { useChatClient } from "./react/use-chat-client.js";
export { useConnection, type Connection } from "./react/use-connection.js";
export type { Reconnect } from "./react/use-reconnect.js";
export { ConnectionStatus, type ConnectionStatusProps } from "./react/connection-status.js";
export { ReconnectBanner, type ReconnectBannerProps } from "./react/reconnect-banner.js";
export { IdlePrompt, type IdlePromptProps } from "./react/idle-prompt.js";
export { EndStreamPanel, type EndStreamPanelProps } from "./react/end-stream-panel.js";
export type { ConnectionWords, EndWords, IdleWords } from "./react/words.js";
