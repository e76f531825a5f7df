/**
 * The same as the default entry, with the WASM inside: nothing to fetch, about a third larger.
 *
 * @packageDocumentation
 */
import { load, type WasmSource } from "./shared.js";

export * from "./exports.js";

/** Starts the WASM that is part of this module, or `source`. Memoised: call it as often as you like. */
export default function init(source?: WasmSource): Promise<void> {
  return load(() => source ?? inside());
}

async function inside(): Promise<WasmSource> {
  const { default: base64 } = await import("./wasm-base64.js");
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
