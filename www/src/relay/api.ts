import type { SyncReport } from "streamkeeper";
import { ask } from "../api";

export type Kind = "hls" | "ts";
export const KINDS: Record<Kind, string> = { hls: "HLS", ts: "MPEG-TS" };

/** How one relay of a stream stands. */
export interface Relay {
  state: "ok" | "degraded";
  reason: string | null;
  clients: number;
}

/** A live stream that is relayed, as the gateway has it. */
export interface Relayed {
  key: string;
  title: string | null;
  started_at: string;
  relays: Partial<Record<Kind, Relay>>;
}

/** What may be wrong with a camera. */
export type Fault = "down" | "stalled" | "loops";

export function readRelayed(signal: AbortSignal): Promise<Relayed[]> {
  return ask("/streams", undefined, signal);
}

/** From now on the stream is relayed from the demo's own camera. */
export function attachCamera(key: string): Promise<unknown> {
  return ask(`/demo/streams/${key}/relay`, { hls: true, ts: true });
}

/** The camera of a stream has its id for a name. */
export function breakCamera(key: string, fault: Fault | null): Promise<unknown> {
  return ask(`/demo/origin/${key}`, { fault });
}

/** What only an operator may see and do. */
export interface Operator {
  check(signal: AbortSignal): Promise<SyncReport>;
  /** Ends the stream itself, from outside of its host's page. */
  end(key: string): Promise<void>;
}

export async function becomeOperator(): Promise<Operator> {
  const { access_token } = await ask<{ access_token: string }>("/demo/token", { user_id: "operator", role: "admin" });
  const headers = { authorization: `Bearer ${access_token}` };
  return {
    check: (signal) => ask("/debug/sync-check", undefined, signal, headers),
    async end(key) {
      const response = await fetch(`/streams/${key}`, { method: "DELETE", headers });
      if (!response.ok) throw new Error(`the gateway answered ${response.status} to the operator`);
    },
  };
}
