/** The real SDK, in front of the demo's stand-in for its service. */
import { StreamChat as Sdk } from "the-real-stream-chat";

export class StreamChat extends Sdk {
  constructor(key) {
    super(key, { baseURL: `${location.origin}/demo/stream-chat` });
  }
}
