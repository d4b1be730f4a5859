import "@livekit/components-styles";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import "./style.css";

const audience = location.pathname.endsWith("/audience");

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App audience={audience} />
  </StrictMode>,
);
