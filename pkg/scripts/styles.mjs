// TypeScript leaves the stylesheet where it is, and wants to be told that it may be imported.
import { copyFileSync, writeFileSync } from "node:fs";

copyFileSync(new URL("../src/react.css", import.meta.url), new URL("../dist/react.css", import.meta.url));
writeFileSync(new URL("../dist/react.css.d.ts", import.meta.url), "export {};\n");
