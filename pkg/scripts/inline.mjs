// Writes the WASM as a module, for `streamkeeper/inline` and for development servers that lose `.wasm` files.
import { readFileSync, writeFileSync } from "node:fs";

const wasm = readFileSync(new URL("../wasm/streamkeeper_bg.wasm", import.meta.url));
writeFileSync(new URL("../dist/wasm-base64.js", import.meta.url), `export default "${wasm.toString("base64")}";\n`);
