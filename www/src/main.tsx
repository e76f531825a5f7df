import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
// What is of one part only comes after it, with that part.
import "streamkeeper/react.css";
import "./style.css";
import { App } from "./App";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
