import type { ConnectionManager } from "streamkeeper";

/** Chat is opened by the first visit to it; resolves when it is connected for the first time. */
export function openChat(manager: ConnectionManager | null): Promise<void> {
  if (!manager || manager.getSnapshot().chat.generation > 0) return Promise.resolve();
  location.hash = "chat";
  return new Promise((resolve) => {
    const off = manager.subscribe(() => {
      if (manager.getSnapshot().chat.status !== "connected") return;
      off();
      resolve();
    });
  });
}
