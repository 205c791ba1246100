// Uses the page as a reader does, and writes down what was there.
"use strict";
const faults = [];
window.addEventListener("error", event => faults.push(String(event.message)));
window.addEventListener("unhandledrejection", event => faults.push(String(event.reason)));
const settled = () => new Promise(done => setTimeout(done, 20));
const wide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
const shown = () => [...document.querySelectorAll(".row[data-is]")].filter(row => row.getClientRects().length > 0).length;
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const press = (key, on) => on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const type = (id, text) => {
  document.getElementById(id).value = text;
  document.getElementById(id).dispatchEvent(new Event(id === "only" ? "change" : "input"));
};
async function open(hash) {
  location.hash = hash;
  await settled();
}
async function drive() {
  const found = { width: window.innerWidth, dark: getComputedStyle(document.body).backgroundColor, overflow: [], rows: shown() };
  found.overflow.push(["matrix", wide()]);
  // Filter and search.
  const filters = {};
  for (const only of ["failing", "safe", "unexpected", "inconclusive"]) { type("only", only); filters[only] = shown(); }
  type("only", "");
  type("search", "QUEUE fence");
  filters.search = shown();
  type("search", "nothing is called so");
  filters.nothing = [shown(), document.getElementById("nothing").hidden];
  type("search", "");
  filters.again = shown();
  found.filters = filters;
  // Every design, for its width.
  const cells = new Set(all("#matrix .row a").map(link => link.getAttribute("href").split("/").slice(0, 2).join("/")));
  found.designs = cells.size;
  for (const cell of cells) {
    await open(cell);
    found.overflow.push([cell, wide()]);
  }
  await open("");
  // Open a failing cell by its link.
  const link = all("#matrix .row a").find(one => one.textContent.includes("forbidden 2/4"));
  link.click();
  await settled();
  const panel = document.getElementById("design"), list = panel.querySelector(".events");
  found.opened = [panel.querySelector("h1").textContent, panel.querySelector(".engine.selected h3").textContent, document.getElementById("matrix").hidden];
  const step = () => [panel.querySelector(".status").textContent, all(".values tr", panel).map(row => row.textContent).join("; "),
    all(".events li[aria-selected=true]", panel).length, all("svg .event.later", panel).length];
  found.steps = [step()];
  for (const key of ["ArrowDown", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Home", "End"]) {
    press(key, list);
    found.steps.push(step());
  }
  found.arrows = all("svg .arrow", panel).map(arrow => arrow.getAttribute("class")).sort();
  const visible = kind => all("svg .arrow." + kind, panel).filter(arrow => getComputedStyle(arrow).display !== "none").length;
  const box = panel.querySelector(".controls label input");
  found.toggled = [visible("reads")];
  box.click();
  found.toggled.push(visible("reads"));
  found.sources = all(".source pre", panel).map(source => all(".here", source).map(line => line.textContent).join()).slice(-2);
  found.replay = panel.querySelector(".copy code").textContent;
  found.bars = all(".outcome .bar span", panel).length;
  press("Escape", panel);
  await settled();
  found.back = [panel.hidden, document.activeElement === link];
  // A deadlock, a race and a history.
  const drawn = async (text, selector) => {
    await open(all("#matrix .row a").find(one => one.textContent.includes(text)).getAttribute("href"));
    const count = all(selector, panel).length;
    await open("");
    return count;
  };
  found.waits = await drawn("deadlock run 4", "svg .arrow.waits");
  found.locks = await drawn("deadlock run 4", "svg .lock");
  found.race = await drawn("data race run 3", "svg .arrow.race");
  found.stuck = await drawn("forbidden 1/1", "svg.history .stuck");
  found.placed = await drawn("forbidden 1/1", "svg.history .placed");
  found.unnamed = all("button, a, input, select").filter(one => !(one.textContent.trim() || one.getAttribute("aria-label") || (one.labels && one.labels.length))).length;
  found.faults = faults;
  return found;
}
window.addEventListener("load", async () => {
  const found = await drive().catch(error => ({ broken: String(error.stack || error), faults }));
  // The page may stand in a frame of another's, which is as narrow as no window can be.
  const text = JSON.stringify(found).replaceAll("<", "\\u003c").replaceAll("&", "\\u0026").replaceAll(">", "\\u003e");
  if (window.parent !== window) return window.parent.postMessage(text, "*");
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = text;
  document.body.append(result);
});
