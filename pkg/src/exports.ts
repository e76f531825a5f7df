export { StreamkeeperError, type ErrorCode } from "./error.js";
export { ConnectionManager } from "./manager.js";
export type { WasmSource } from "./shared.js";
export { INITIAL_SNAPSHOT } from "./snapshot.js";
export type * from "./types.js";
