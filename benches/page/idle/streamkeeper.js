import { streamkeeper } from "./own.js";

streamkeeper({});
