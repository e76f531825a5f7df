import { streamkeeper } from "./own.js";

streamkeeper({ inactivity: { timeout: 60_000 } });
