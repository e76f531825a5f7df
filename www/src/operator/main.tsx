import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../style.css";
import "./operator.css";
import { Operator } from "./Operator";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Operator />
  </StrictMode>,
);
