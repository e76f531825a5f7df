// TypeScript leaves the stylesheet where it is.
import { copyFileSync } from "node:fs";

copyFileSync(new URL("../src/react.css", import.meta.url), new URL("../dist/react.css", import.meta.url));
