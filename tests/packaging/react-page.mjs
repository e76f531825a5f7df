/** A page with the installed React bindings in it, for one file of tests. */
import { after, afterEach, before, mock } from "node:test";
import { Window } from "happy-dom";
import { createProject } from "./project.mjs";

/** Set by `react-18.test.mjs`. */
const OLDEST = process.env.STREAMKEEPER_REACT === "18";

const SLOT = Symbol.for("streamkeeper");

/**
 * Imported once the page is there: `React`, its `flushSync`, `client` and `server`, the package's `entry` and `bindings`, and
 * whatever else is `installed`.
 */
export const page = {};
let project;
let roots = [];

before(async () => {
  project = await createProject(OLDEST ? { app: "react-18" } : { packages: ["react", "react-dom"] });
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
  // Node has had its own since version 21.
  globalThis.navigator ??= window.navigator;
  page.React = await project.import("react");
  page.flushSync = (await project.import("react-dom")).flushSync;
  page.client = await project.import("react-dom/client");
  page.server = await project.import("react-dom/server");
  page.entry = await import(project.url("dist/inline.js"));
  await page.entry.default();
  page.installed = (file) => import(project.url(file));
  page.bindings = await import(project.url("dist/react.js"));
});
after(async () => {
  await project?.remove();
  await globalThis.window?.happyDOM.close();
});
afterEach(async () => {
  await act(() => roots.forEach((root) => root.unmount()));
  roots = [];
  document.body.replaceChildren();
  await globalThis[SLOT]?.manager?.dispose();
  mock.restoreAll();
});

export const h = (...args) => page.React.createElement(...args);
export const act = (work) => page.React.act(async () => work());
export const manager = () => page.entry.ConnectionManager.shared();

/** Renders into a container of its own: `{container, again(element)}`. */
export async function render(element) {
  const container = newContainer();
  const root = page.client.createRoot(container);
  roots.push(root);
  const again = (next) => act(() => root.render(next));
  await again(element);
  return { container, again };
}

/** Renders as a server does, then takes that over: `{container, before}`, where `before` is the server's text. */
export async function hydrate(element) {
  const container = newContainer();
  container.innerHTML = page.server.renderToString(element);
  const before = container.textContent;
  await act(() => void roots.push(page.client.hydrateRoot(container, element)));
  return { container, before };
}

function newContainer() {
  return document.body.appendChild(document.createElement("div"));
}
