"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

/* An element with attributes and children; texts become text and nothing else. */
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  fill(made, attributes, children);
  return made;
}
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  fill(made, attributes, children);
  return made;
}
function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
}
const plural = (number, what) => number.toLocaleString("en") + " " + what + (number === 1 ? "" : "s");

/* ---- the matrix: search and filter ---- */

function filter() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), only = byId("only").value;
  let shown = 0;
  for (const folder of document.querySelectorAll(".folder")) {
    let any = false;
    for (const scenario of folder.querySelectorAll(".scenario")) {
      let some = false;
      for (const row of scenario.querySelectorAll(".row[data-is]")) {
        const text = scenario.dataset.search + " " + row.dataset.search;
        const fits = words.every(word => text.includes(word)) && (!only || row.dataset.is.split(" ").includes(only));
        row.hidden = !fits;
        some = some || fits;
        shown += fits ? 1 : 0;
      }
      scenario.hidden = !some;
      any = any || some;
    }
    folder.hidden = !any;
  }
  byId("count").textContent = words.length || only ? plural(shown, "design") : "";
  byId("nothing").hidden = shown > 0;
}
byId("filter").addEventListener("submit", event => event.preventDefault());
byId("search").addEventListener("input", filter);
byId("only").addEventListener("change", filter);

/* ---- which page is shown: `#scenario/design/engine`, by number, or the matrix ---- */

let came = null;
function route(address) {
  const asked = /^#(\d+)\/(\d+)(?:\/([\w-]+))?$/.exec(address);
  const scenario = asked && data.scenarios[Number(asked[1])];
  const design = scenario && scenario.designs[Number(asked[2])];
  const panel = byId("design");
  if (!design) {
    const back = came;
    panel.hidden = true;
    byId("matrix").hidden = false;
    panel.replaceChildren();
    document.title = "selvedge: what was found";
    if (back) {
      const link = document.querySelector('#matrix .row a[href="' + back + '"]') || document.querySelector('#matrix .row a[href^="' + back.split("/").slice(0, 2).join("/") + '/"]');
      if (link) link.focus();
    }
    came = null;
    return;
  }
  came = address;
  document.title = scenario.name + " / " + design.name;
  panel.replaceChildren(...page(Number(asked[1]), Number(asked[2]), asked[3]));
  byId("matrix").hidden = true;
  panel.hidden = false;
  window.scrollTo(0, 0);
  panel.focus({ preventScroll: true });
}
window.addEventListener("hashchange", () => route(location.hash));
document.addEventListener("keydown", event => {
  if (event.key === "Escape" && !byId("design").hidden) location.hash = "";
});

/* ---- a design ---- */

function page(number, place, engine) {
  const scenario = data.scenarios[number], design = scenario.designs[place];
  const flat = data.scenarios.flatMap((one, s) => one.designs.map((_, d) => s + "/" + d));
  const at = flat.indexOf(number + "/" + place);
  const link = (to, words) => flat[to] === undefined ? null : el("a", { href: "#" + flat[to] }, words);
  const parts = [
    el("nav", { "aria-label": "Designs" }, el("a", { href: "#" }, "← matrix"), link(at - 1, "previous design"), link(at + 1, "next design")),
    el("h1", {}, scenario.name, el("span", { class: "quiet" }, " / "), design.name),
    el("p", { class: "question" }, scenario.question),
    el("p", { class: "quiet" }, design.headline + ". ", el("code", {}, scenario.file)),
    el("h2", {}, "What each engine found"),
    el("div", { class: "engines" }, design.engines.map(one => engineCard(one, one.engine === engine))),
  ];
  if (design.outcomes.length) parts.push(el("h2", {}, "Outcomes"), outcomes(design));
  if (design.differences.length) {
    parts.push(el("h2", {}, "Where engines disagree"), el("ul", {}, design.differences.map(words => el("li", {}, words))));
  }
  design.witnesses.forEach((witness, index) => parts.push(witnessSection(witness, index)));
  const races = design.engines.find(one => one.races.length);
  if (!design.witnesses.length && races) parts.push(el("h2", {}, "Source"), el("div", { class: "excerpts" }, races.races.map(race => excerpt(race.file, race.line, race.words))));
  if (scenario.practice) parts.push(el("h2", {}, "In practice"), el("p", {}, scenario.practice));
  return parts;
}

function engineCard(one, selected) {
  return el("section", { class: "engine " + one.class + (selected ? " selected" : ""), "aria-current": selected ? "true" : null },
    el("h3", {}, one.engine, " ", el("span", { class: "verdict" }, one.cell)),
    el("p", {}, one.evidence, one.seconds >= 0.01 ? el("span", { class: "quiet" }, ", in " + one.seconds + " s") : null),
    one.words.map(words => el("p", { class: "words" }, words)),
    one.log ? el("details", {}, el("summary", {}, "what its worker printed"), el("pre", {}, one.log)) : null);
}

function outcomes(design) {
  const items = design.outcomes.map(outcome => el("li", { class: "outcome " + outcome.grade },
    el("p", {}, el("code", {}, outcome.value), " ", el("b", { class: "grade" }, outcome.grade), " ", el("span", {}, outcome.sentence)),
    el("ul", { class: "bars" }, outcome.counts.map((seen, column) => {
      if (!seen) return null;
      const share = Math.max(parseFloat(seen[1]) || 0, 0.5);
      return el("li", {}, el("span", { class: "who" }, design.engines[column].engine),
        el("span", { class: "bar", "aria-hidden": "true" }, el("span", { style: "width:" + Math.min(share, 100) + "%" })),
        el("span", { class: "number" }, seen[0].toLocaleString("en") + " (" + seen[1] + ")"));
    }))));
  if (design.more) items.push(el("li", {}, plural(design.more, "more outcome") + " seen less often"));
  return el("ul", { class: "outcomes" }, items);
}

function excerpt(file, line, words) {
  const lines = data.sources[file], numbers = lines && lines[line] !== undefined
    ? Object.keys(lines).map(Number).filter(one => Math.abs(one - line) <= 3).sort((a, b) => a - b) : [];
  return el("figure", { class: "source" },
    el("figcaption", {}, words ? words + ": " : "", el("code", {}, file + ":" + line)),
    numbers.length
      ? el("pre", { tabindex: 0, "aria-label": file + " line " + line }, numbers.map(one => el("span", { class: one === line ? "line here" : "line" }, el("i", {}, String(one).padStart(4)), " " + (lines[one] || " "))))
      : el("p", { class: "quiet" }, "The source file was not at hand when this page was made."));
}

function copyable(text, label) {
  const button = el("button", { type: "button", onclick: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "copied"; }
    catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = document.execCommand("copy") ? "copied" : "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  } }, "copy");
  const code = el("code", {}, text);
  return el("div", { class: "copy" }, el("pre", { tabindex: 0, "aria-label": label }, code), button);
}

/* ---- a witness ---- */

function witnessSection(witness, index) {
  const drawing = witness.diagram, id = "w" + index;
  const parts = [
    el("h2", {}, witness.shows),
    el("p", {}, witness.conclusion),
  ];
  if (witness.program) parts.push(...program(witness.program));
  if (drawing.rows.length) parts.push(el("h3", {}, witness.how, el("span", { class: "quiet" }, " (" + witness.engines.join(" and ") + ")")), ...stepper(drawing, id));
  const marked = drawing.rows.filter(row => row.mark && row.site), seen = new Set();
  const sites = (marked.length ? marked : drawing.rows.filter(row => row.site)).filter(row => {
    const key = row.site.join(":");
    return !seen.has(key) && seen.add(key);
  }).slice(0, 4);
  if (sites.length) {
    parts.push(el("h3", {}, "Source"), el("div", { class: "excerpts" },
      sites.map(row => excerpt(drawing.files[row.site[0]], row.site[1], drawing.lanes[row.lane] + ": " + row.what))));
  }
  if (witness.token) {
    parts.push(el("h3", {}, "Replay"), copyable("selvedge replay " + witness.token, "command"),
      el("p", { class: "quiet" }, "or, in a test:"), copyable('selvedge::replay("' + witness.token + '")', "call"));
  }
  if (witness.program) parts.push(el("details", {}, el("summary", {}, "A test to paste, which fails for as long as this program does"), copyable(witness.program.test, "test")));
  return el("section", { class: "witness" }, parts);
}

const ROW = 42, LEFT = 34, TOP = 56;

function stepper(drawing, id) {
  let at = -1;
  const figure = draw(drawing, row => select(row));
  const describe = row => drawing.lanes[row.lane] + ": " + (row.what + " " + row.how).trim();
  const options = drawing.rows.map((row, number) => el("li", { id: id + "-" + number, role: "option", "aria-selected": "false",
    class: row.mark ? "mark-" + row.mark : null, onclick: () => select(number) },
    el("b", {}, drawing.lanes[row.lane]), " " + (row.what + " " + row.how).trim(),
    row.mark ? el("em", {}, row.mark === "races" ? " races" : " decides") : null));
  const list = el("ol", { role: "listbox", tabindex: 0, "aria-label": "Events in their order: step with the arrow keys", class: "events" }, options);
  const values = el("tbody"), source = el("div"), status = el("p", { class: "status", role: "status" });
  const button = (words, step) => el("button", { type: "button", onclick: () => select(step()) }, words);
  const controls = el("p", { class: "controls" },
    button("first", () => -1), button("previous", () => at - 1), button("next", () => at + 1), button("last", () => drawing.rows.length - 1),
    toggle("reads-from", "reads", drawing, figure), toggle("happens-before", "before", drawing, figure), toggle("missed writes", "missed", drawing, figure));

  function select(number) {
    at = Math.max(-1, Math.min(drawing.rows.length - 1, number));
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at >= 0) list.setAttribute("aria-activedescendant", id + "-" + at); else list.removeAttribute("aria-activedescendant");
    figure.step(at);
    const now = state(drawing, at), before = state(drawing, at - 1);
    values.replaceChildren(...now.map((entry, place) => el("tr", { class: entry[1] !== before[place][1] ? "changed" : null },
      el("th", { scope: "row" }, entry[0]), el("td", {}, entry[1]))));
    const row = drawing.rows[at];
    status.textContent = row ? (at + 1) + " of " + drawing.rows.length + ": " + describe(row)
      : (drawing.omitted ? plural(drawing.omitted, "earlier event") + " not drawn. " : "") + "Before the first of " + plural(drawing.rows.length, "event") + ": step with the arrow keys.";
    source.replaceChildren(...(row && row.site ? [excerpt(drawing.files[row.site[0]], row.site[1], "this event")] : []));
    if (at >= 0) {
      options[at].parentElement.scrollTop = options[at].offsetTop - list.clientHeight / 2;
      figure.show(at);
    }
  }
  const keys = event => {
    const step = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: -1, End: drawing.rows.length - 1 }[event.key];
    if (step === undefined || event.target.tagName === "INPUT" || event.target.tagName === "PRE") return;
    event.preventDefault();
    select(step);
  };
  const body = el("div", { class: "stepper", onkeydown: keys },
    el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Space-time diagram: the events are listed beside it" }, figure.svg),
    el("div", { class: "aside" }, status, list,
      now0(drawing) ? el("table", { class: "values" }, el("caption", {}, "Values at this point"), values) : null, source));
  select(-1);
  return [el("div", { onkeydown: keys }, controls), legend(drawing), body];
}
const now0 = drawing => drawing.values.length + drawing.bars.length > 0;

function toggle(words, kind, drawing, figure) {
  if (!drawing.arrows.some(arrow => arrow.kind === kind)) return null;
  const box = el("input", { type: "checkbox", checked: true, onchange: () => figure.svg.classList.toggle("no-" + kind, !box.checked) });
  return el("label", {}, box, " ", el("span", { class: "key " + kind, "aria-hidden": "true" }), words);
}
function legend(drawing) {
  const has = kind => drawing.arrows.some(arrow => arrow.kind === kind);
  const keys = [];
  if (has("race")) keys.push(el("span", {}, el("span", { class: "key race" }), "data race"));
  if (has("waits")) keys.push(el("span", {}, el("span", { class: "key waits" }), "waits for"));
  if (drawing.bars.length) keys.push(el("span", {}, el("span", { class: "key lock" }), "holds a lock"));
  if (drawing.rows.some(row => row.mark === "decides")) keys.push(el("span", {}, el("span", { class: "key decides" }), "decides"));
  return keys.length ? el("p", { class: "keys", "aria-hidden": "true" }, keys) : null;
}

/* The values of all variables, and who holds which lock, after an event. */
function state(drawing, at) {
  const now = drawing.values.map(([name, first]) => [name, first === null ? "?" : first]);
  for (let row = 0; row <= at; row += 1) {
    const leaves = drawing.rows[row].leaves;
    if (leaves) now[leaves[0]][1] = leaves[1];
  }
  const locks = new Map();
  for (const bar of drawing.bars) {
    const held = bar.from <= at && (bar.to === null || bar.to > at);
    if (!locks.has(bar.name)) locks.set(bar.name, []);
    if (held) locks.get(bar.name).push(drawing.lanes[bar.lane]);
  }
  const values = new Map(now);
  return [...now.filter(([name]) => !locks.has(name)),
    ...[...locks].map(([name, holders]) => [name, (values.has(name) ? values.get(name) + ", " : "") + (holders.length ? "held by " + holders.join(", ") : "free")])];
}

function draw(drawing, clicked) {
  const longest = Math.max(8, ...drawing.rows.map(row => Math.max(row.what.length * 7.3, Math.min(row.how.length, 34) * 6.4)));
  const wide = Math.max(120, Math.min(280, longest + 34)), lanes = drawing.lanes.length;
  const ends = drawing.finally.map(([value, text]) => drawing.values[value][0] + " = " + text);
  const last = TOP + ROW * drawing.rows.length, width = Math.max(LEFT + wide * lanes, 220), room = Math.floor((width - 24) / 7.3);
  const footer = [...(ends.length ? wrap("in the end: " + ends.join(", "), room) : []), ...wrap(drawing.ends, room)];
  const height = last + 34 + 16 * footer.length;
  const x = lane => LEFT + wide * lane, y = row => TOP + ROW * row + 14;
  const firsts = drawing.values.filter(([, first]) => first !== null).map(([name, first]) => name + " = " + first);
  const root = svg("svg", { width, height, viewBox: "0 0 " + width + " " + height, class: "diagram", "aria-hidden": "true" });
  const band = svg("rect", { class: "here", x: 0, y: 0, width, height: ROW - 4, rx: 4, visibility: "hidden" });
  root.append(svg("defs", {}, ["reads", "before", "missed", "waits"].map(kind => svg("marker",
    { id: "head-" + kind, class: kind, viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, svg("path", { d: "M0,0 L8,4 L0,8 z" })))), band);
  root.append(svg("text", { x: LEFT - 22, y: 13, class: "quiet" }, cut(firsts.length ? "at first: " + firsts.join(", ") : "", room)));
  drawing.lanes.forEach((name, lane) => {
    root.append(svg("line", { class: "lane", x1: x(lane), x2: x(lane), y1: TOP - 8, y2: last + 4 }),
      svg("text", { class: "name", x: x(lane) - 6, y: TOP - 16 }, cut(name, Math.floor(wide / 8)), svg("title", {}, name)));
  });
  for (const bar of drawing.bars) {
    const from = y(bar.from) - 6, to = bar.to === null ? last : y(bar.to) + 6, left = x(bar.lane) - 5 - 10 * bar.depth;
    root.append(svg("g", { class: "lock" + (bar.shared ? " shared" : "") }, svg("rect", { x: left, y: from, width: 10, height: to - from, rx: 4 }),
      svg("title", {}, drawing.lanes[bar.lane] + " holds " + bar.name + (bar.shared ? ", as a reader" : ""))));
  }
  const arrows = drawing.arrows.map(arrow => arrowOf(arrow, drawing, x, y));
  root.append(...arrows);
  const groups = drawing.rows.map((row, number) => {
    const left = x(row.lane), top = y(number), room2 = Math.floor((wide - 24) / 6.3);
    const group = svg("g", { class: "event" + (row.mark ? " " + row.mark : "") + (row.blocked ? " blocked" : ""), "data-row": number, onclick: () => clicked(number) },
      svg("rect", { class: "hit", x: left - 12, y: top - 15, width: wide - 6, height: ROW - 6 }),
      row.blocked ? svg("rect", { class: "dot", x: left - 5, y: top - 5, width: 10, height: 10 }) : svg("circle", { class: "dot", cx: left, cy: top, r: row.mark ? 6 : 4.5 }),
      svg("text", { x: left + 13, y: top - 1 }, cut(row.what, Math.floor((wide - 24) / 7.2))),
      svg("text", { x: left + 13, y: top + 13, class: "how" }, cut(row.how, room2)), svg("title", {}, (row.what + " " + row.how).trim()));
    root.append(group);
    return group;
  });
  root.append(svg("line", { class: "end", x1: 8, x2: width - 8, y1: last + 10, y2: last + 10 }));
  footer.forEach((line, number) => root.append(svg("text", { x: 12, y: last + 28 + 16 * number, class: "footer" }, line)));
  return {
    svg: root,
    step(at) {
      root.classList.toggle("stepping", at >= 0);
      groups.forEach((group, number) => group.classList.toggle("later", at >= 0 && number > at));
      arrows.forEach((path, number) => path.classList.toggle("later", at >= 0 && Math.max(drawing.arrows[number].from ?? 0, drawing.arrows[number].to) > at));
      band.setAttribute("visibility", at >= 0 ? "visible" : "hidden");
      band.setAttribute("y", y(Math.max(at, 0)) - 17);
    },
    show(at) {
      const box = root.parentElement;
      if (!box || box.clientHeight === 0) return;
      if (y(at) < box.scrollTop + 30 || y(at) > box.scrollTop + box.clientHeight - 30) box.scrollTop = y(at) - box.clientHeight / 2;
      const left = x(drawing.rows[at].lane);
      if (left < box.scrollLeft || left + wide > box.scrollLeft + box.clientWidth) box.scrollLeft = left - LEFT;
    },
  };
}

function arrowOf(arrow, drawing, x, y) {
  const to = drawing.rows[arrow.to], x2 = x(to.lane), y2 = y(arrow.to);
  const from = arrow.from === null ? null : drawing.rows[arrow.from];
  const words = { reads: "reads what was written there", before: "happens before", missed: "the newer write that it did not see", race: "the data race", waits: "waits for" }[arrow.kind];
  let path;
  if (!from) {
    path = "M" + (x2 - 14) + "," + (TOP - 10) + " L" + (x2 - 14) + "," + (y2 - 10) + " Q" + (x2 - 14) + "," + y2 + " " + (x2 - 6) + "," + y2;
  } else {
    const x1 = x(from.lane), y1 = y(arrow.from), side = Math.sign(x2 - x1);
    const shift = { reads: -2, before: 4, missed: 8, race: 0, waits: 0 }[arrow.kind];
    if (side === 0) {
      path = "M" + (x1 - 6) + "," + y1 + " C" + (x1 - 30) + "," + y1 + " " + (x2 - 30) + "," + y2 + " " + (x2 - 6) + "," + y2;
    } else {
      const a = x1 + 7 * side, b = x2 - 8 * side, middle = (b - a) / 2;
      path = "M" + a + "," + (y1 + shift) + " C" + (a + middle) + "," + (y1 + shift) + " " + (b - middle) + "," + (y2 + shift) + " " + b + "," + (y2 + shift);
    }
  }
  const head = arrow.kind === "race" ? null : "url(#head-" + arrow.kind + ")";
  return svg("path", { class: "arrow " + arrow.kind, d: path, "marker-end": head }, svg("title", {}, words));
}

const cut = (text, most) => text.length > most ? text.slice(0, Math.max(most - 1, 1)) + "…" : text;
function wrap(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines[lines.length - 1].length + word.length + 1 > most && lines[lines.length - 1]) lines.push("");
    lines[lines.length - 1] += (lines[lines.length - 1] ? " " : "") + cut(word, most);
  }
  return lines;
}

/* ---- generated programs ---- */

function program(program) {
  const { prefix, parts, suffix } = program.steps;
  const columns = [...(prefix.length ? [["before", prefix]] : []), ...parts.map((part, number) => [String.fromCharCode(65 + number), part]), ...(suffix.length ? [["after", suffix]] : [])];
  const rows = Math.max(0, ...columns.map(([, steps]) => steps.length));
  const found = [];
  if (columns.length) {
    found.push(el("h3", {}, "The program"), el("div", { class: "scroll-x", tabindex: 0, role: "group", "aria-label": "The program" }, el("table", { class: "program" },
      el("thead", {}, el("tr", {}, columns.map(([name]) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, Array.from({ length: rows }, (_, row) => el("tr", {}, columns.map(([, steps]) => el("td", {}, steps[row] === undefined ? "" : el("code", {}, steps[row])))))))));
  }
  if (program.calls) found.push(el("h3", {}, "Its history"), ...history(program.calls));
  if (program.history) found.push(el("details", {}, el("summary", {}, "The history event by event"), el("pre", { tabindex: 0, "aria-label": "history" }, program.history)));
  return found;
}

function history(calls) {
  const words = bar => (bar.place ? bar.place + ". " : "") + bar.operation + " = " + bar.returns;
  const name = Math.max(...calls.lanes.map(lane => lane.length)) * 7 + 16;
  // Wide enough for the words of each bar.
  const step = Math.min(140, Math.max(26, ...calls.bars.map(bar => (words(bar).length * 7 + 14) / Math.max(bar.to - bar.from, 1))));
  const width = name + step * calls.moments + 10, height = 12 + 34 * calls.lanes.length;
  const root = svg("svg", { width, height, viewBox: "0 0 " + width + " " + height, class: "history", role: "img",
    "aria-label": calls.bars.map(bar => calls.lanes[bar.lane] + ": " + words(bar) + (bar.stuck ? ", which cannot be placed" : "")).join("; ") });
  calls.lanes.forEach((lane, number) => root.append(svg("text", { x: 4, y: 28 + 34 * number }, lane), svg("line", { class: "lane", x1: 0, x2: width, y1: 40 + 34 * number, y2: 40 + 34 * number })));
  for (const bar of calls.bars) {
    const left = name + step * bar.from, wide = Math.max(step * (bar.to - bar.from), 8);
    root.append(svg("g", { class: bar.stuck ? "stuck" : bar.place ? "placed" : "bar" },
      svg("rect", { x: left, y: 10 + 34 * bar.lane, width: wide, height: 25, rx: 4 }),
      svg("text", { x: left + 6, y: 27 + 34 * bar.lane }, cut(words(bar), Math.max(Math.floor((wide - 6) / 7), 1))),
      svg("title", {}, words(bar) + (bar.stuck ? ": cannot be placed" : ""))));
  }
  const stuck = calls.bars.find(bar => bar.stuck);
  return [el("p", { class: "keys", "aria-hidden": "true" }, el("span", {}, el("span", { class: "key placed" }), "placed, numbered in order"), el("span", {}, el("span", { class: "key stuck" }), "cannot be placed next")),
    el("div", { class: "scroll-x", tabindex: 0, role: "group", "aria-label": "The history as bars" }, root),
    stuck ? el("p", {}, "No order explains ", el("code", {}, calls.lanes[stuck.lane] + ": " + stuck.operation + " = " + stuck.returns), ".") : null];
}

route(location.hash);
