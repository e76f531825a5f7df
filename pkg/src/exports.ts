export { StreamkeeperError, type ErrorCode } from "./error.js";
export { ConnectionManager } from "./manager.js";
export type { WasmSource } from "./shared.js";
export { INITIAL_SNAPSHOT } from "./snapshot.js";
export { streamChat, type StreamChatLike } from "./transports/stream-chat.js";
export { webSocket, type WebSocketOptions } from "./transports/web-socket.js";
export type * from "./transports/types.js";
export type * from "./types.js";
