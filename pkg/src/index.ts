/**
 * Keeps a person connected to a live stream for exactly as long as they are there, and ends the stream exactly once.
 *
 * @module streamkeeper
 */
import { load, type WasmSource } from "./shared.js";

export * from "./exports.js";

/**
 * Loads the WASM file that lies beside this module, or `source`. Memoised: call it as often as you like.
 *
 * @throws StreamkeeperError `unavailable` where WebAssembly is blocked or the file cannot be had
 */
export default function init(source?: WasmSource): Promise<void> {
  return load(() => source ?? new URL("../wasm/streamkeeper_bg.wasm", import.meta.url));
}
