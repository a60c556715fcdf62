/**
 * Builds an element. Text is always set as text, so that a photo's name can never become markup.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `class`, `data-…`, any attribute; a function is a listener ("onclick").
 * @param {...(Node | string | null | undefined)} children
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Shows a message in the header, where it covers nothing, until the next one or for twelve seconds. */
export function note(text) {
  const box = document.querySelector("#note");
  box.textContent = text;
  setTimeout(() => box.textContent === text && (box.textContent = ""), 12_000);
}

/** Sends a POST or DELETE and shows a refusal. Returns whether it was accepted. */
export async function send(path, options = { method: "POST" }) {
  try {
    const response = await fetch(path, options);
    if (response.ok) return true;
    note((await response.json()).error ?? `The server answered with status ${response.status}.`);
  } catch {
    note("The web process does not answer. The launcher restarts it within a second.");
  }
  return false;
}
