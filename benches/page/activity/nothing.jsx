import { start } from "./app.jsx";

start(<p>Hello</p>);
