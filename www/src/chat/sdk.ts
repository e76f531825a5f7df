import { streamChat } from "streamkeeper";
import { chatToken } from "../api";

/** GetStream's own SDK. It is large, and comes with the first token. */
let sdk: typeof import("stream-chat") | undefined;

export const chat = streamChat({
  createClient: () => {
    if (!sdk) throw new Error("a client was asked for before its token");
    return new sdk.StreamChat("demo-key", { baseURL: `${location.origin}/demo/stream-chat` });
  },
});

/** A token for chat, and whatever else it takes to connect. */
export async function tokenOf(user: string): Promise<string> {
  const [token, loaded] = await Promise.all([chatToken(user), sdk ?? import("stream-chat")]);
  sdk = loaded;
  return token;
}
