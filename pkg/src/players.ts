/**
 * Players of other libraries as sessions of their streams. Neither library is imported.
 *
 * @module streamkeeper/players
 */
export { hlsSession, type HlsLike, type HlsOptions } from "./players/hls.js";
export { mpegtsSession, type MpegtsLike, type MpegtsOptions } from "./players/mpegts.js";
export type { Keeper } from "./players/retry.js";
