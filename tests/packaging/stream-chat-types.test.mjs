/** The types of the transports, as an app that has the real SDK writes them. */
import { after, before, test } from "node:test";
import { createProject } from "./project.mjs";

const APP = `
  import { StreamChat } from "stream-chat";
  import { type ChatTransport, type ManagerConfig, streamChat, webSocket } from "streamkeeper";

  export const stream: ManagerConfig = { chat: streamChat({ createClient: () => new StreamChat("key", { timeout: 6_000 }) }) };
  export const plain: ChatTransport = webSocket({
    url: () => "wss://example.org",
    hello: ({ token, user }) => JSON.stringify([token, user.id]),
    isPong: (data) => data === "pong",
  });
  // @ts-expect-error That is no client.
  streamChat({ createClient: () => ({}) });
  // @ts-expect-error An address is needed.
  webSocket({});
`;

let project;
before(async () => {
  project = await createProject({ packages: ["stream-chat"] });
  await project.write("app.ts", APP);
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable"],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    // The SDK's own declarations do not pass without it.
    skipLibCheck: true,
    noEmit: true,
  };
  await project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["app.ts"] }));
});
after(() => project?.remove());

for (const compiler of ["typescript", "typescript-5"]) {
  test(`${compiler}: a StreamChat is what createClient may give`, () => project.compile(compiler));
}
