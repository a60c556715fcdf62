import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/tables.css";

const place = document.querySelector("#app");
if (place !== null) {
  // What was shown until this file had arrived.
  place.replaceChildren();
  render(<App />, place);
}
