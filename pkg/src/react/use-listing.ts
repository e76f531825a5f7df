"use client";
import { useEffect } from "react";
import type { ListingState, Snapshot } from "streamkeeper";
import { attemptEffect } from "./attempt.js";
import { useStreamkeeper } from "./context.js";
import { useSnapshot } from "./use-snapshot.js";

/** What is live now, kept up to date while the component is mounted. */
export function useListing(): ListingState {
  const manager = useStreamkeeper();
  useEffect(() => (manager ? attemptEffect(() => manager.watchListing()) : undefined), [manager]);
  return useSnapshot(listing);
}

const listing = (snapshot: Snapshot) => snapshot.listing;
