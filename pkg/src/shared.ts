import { StreamkeeperError } from "./error.js";
import type { ConnectionManager } from "./manager.js";
import type { RawConstructor } from "./raw.js";

/** What `init` takes: where the WASM is, or the WASM itself. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** The one place that all copies of this module in a page share. */
interface Slot {
  /** Changes when copies of different releases can no longer share a manager. */
  readonly protocol: 1;
  loading?: Promise<void>;
  Raw?: RawConstructor;
  manager?: ConnectionManager;
  /** Called by the WASM when it has panicked and must not be entered again; see `src/runtime.rs`. */
  crashed?: () => void;
  /** It has crashed: there are no more managers in this page. */
  isBroken?: true;
}

const KEY = Symbol.for("streamkeeper");

/** Made at the first use, never at import: importing touches no global. */
export function slot(): Slot {
  const global = globalThis as { [KEY]?: Slot };
  const found = (global[KEY] ??= { protocol: 1 });
  if (found.protocol !== 1) {
    throw new StreamkeeperError("conflict", "another, incompatible release of streamkeeper is at work in this page");
  }
  return found;
}

/** Loads the WASM, once for the page. A failed load may be tried again. */
export function load(source: () => WasmSource | Promise<WasmSource>): Promise<void> {
  const shared = slot();
  shared.loading ??= (async () => {
    try {
      // Side by side: one after the other they would be two ways to the server and back.
      const [glue, wasm] = await Promise.all([import("../wasm/streamkeeper.js"), begun(source)]);
      await glue.default({ module_or_path: wasm as never });
      shared.Raw = glue.RawManager;
    } catch (cause) {
      delete shared.loading;
      throw new StreamkeeperError("unavailable", `WebAssembly could not be started: ${String(cause)}`, cause);
    }
  })();
  return shared.loading;
}

/** What is an address is being fetched from now on. Not everything that runs JavaScript knows requests. */
async function begun(source: () => WasmSource | Promise<WasmSource>): Promise<WasmSource> {
  const given = source();
  const isRequest = typeof Request === "function" && given instanceof Request;
  return typeof given === "string" || given instanceof URL || isRequest ? fetch(given) : given;
}
