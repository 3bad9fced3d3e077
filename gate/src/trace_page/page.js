/* What one can do on the page of a counterexample: step through the rows, open and close folds, see the state beside.

   The drawing is there without this script. `#data` holds what it needs, see `data.rs`; the sizes in `measures` are those
   of `layout.rs`, which has drawn the page as it was opened, and `layOut` does the same again when a fold is opened.
   Text goes into the page as text, never as markup. */
(() => {
  "use strict";

  const data = JSON.parse(document.getElementById("data").textContent);
  const { tasks, rows, links, folds, stuck, measures: m } = data;
  const { clocks, rowsOf, users, areConcurrent, stateAfter } = readTrace(data);
  const byId = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const box = byId("box");
  const lanes = byId("lanes");
  const rowElements = all("#lanes .row");
  const foldElements = all("#lanes .fold");
  const arrows = all("#lanes .arrow");
  const spans = all("#lanes .spans > path");
  const crosses = all("#lanes .never");
  const unfoldButton = byId("unfold");

  /* For each row the fold that it is in, if it is in one. */
  const foldOf = new Array(rows.length).fill(null);
  folds.forEach(([from, to], fold) => foldOf.fill(fold, from, to));
  const isOpen = folds.map(() => false);
  const isDrawn = (row) => foldOf[row] === null || isOpen[foldOf[row]];

  /* ---- elements ---- */

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }
  const rowLink = (row) => element("a", { href: `#r${row + 1}` }, `row ${row + 1}`);
  function table(label, head, lines) {
    const cells = head.map((text) => element("th", { scope: "col" }, text));
    return element("table", { "aria-label": label },
      element("thead", null, element("tr", null, ...cells)),
      element("tbody", null, ...lines));
  }
  function line(name, changed, ...cells) {
    return element("tr", { class: changed ? "changed" : null },
      element("th", { scope: "row" }, name), ...cells);
  }

  /* `1 to 3, 7`: numbers as people count them. */
  function ranges(numbers) {
    const parts = [];
    for (const number of numbers) {
      const last = parts.at(-1);
      if (last && last[1] === number - 1) last[1] = number;
      else parts.push([number, number]);
    }
    return parts.map(([from, to]) => from === to ? `${from + 1}` : `${from + 1} to ${to + 1}`).join(", ");
  }

  /* ---- what a row is ---- */

  const BEFORE = {
    "wake": "woken by", "hand-over": "takes over from", "reads-from": "reads what was written in", "life": "after",
  };
  const AFTER = {
    "wake": "wakes", "hand-over": "hands over to", "reads-from": "is read in", "life": "before",
  };

  function describe(number) {
    const row = rows[number];
    const linked = [];
    const add = (says, other) => {
      linked.push(element("li", null, `${says} `, rowLink(other), ` (${tasks[rows[other].task]})`));
    };
    for (const [from, to, kind] of links) {
      if (to === number) add(BEFORE[kind], from);
      if (from === number) add(AFTER[kind], to);
    }
    const facts = [];
    const fact = (name, ...value) => facts.push(element("dt", null, name), element("dd", null, ...value));
    if (row.location) fact("where", element("code", null, row.location));
    if (row.object) fact("object", element("code", null, row.object));
    if (row.value !== undefined) fact("value", element("code", null, row.value));
    if (row.mutex) fact("gives back", element("code", null, row.mutex));
    const concurrent = rows.map((_, other) => other).filter((other) => areConcurrent(number, other));
    fact("concurrent", concurrent.length === 0 ? "nothing" : `${concurrent.length === 1 ? "row" : "rows"} ${ranges(concurrent)}`);
    const known = tasks.map((name, task) => {
      const entry = clocks[number][task];
      const upTo = entry === 0 ? "nothing" : `up to row ${rowsOf[task][entry - 1] + 1}`;
      return line(name, task === row.task,
        element("td", { class: "fixed" }, `${entry}`), element("td", null, upTo));
    });
    const few = linked.slice(0, 6);
    const rest = linked.slice(6);
    byId("title").textContent = `Row ${number + 1}, ${tasks[row.task]}`;
    byId("step").replaceChildren(
      element("p", { class: "what" }, row.text),
      element("dl", null, ...facts),
      element("ul", { class: "links" }, ...few),
      rest.length === 0 ? "" : element("details", null,
        element("summary", null, `${rest.length} more`), element("ul", { class: "links" }, ...rest)),
      element("h3", null, "Clock: what happens before this row"),
      table("Clock", ["task", "rows", "knows of it"], known));
    const marked = new Set(concurrent);
    for (const [other, shown] of rowElements.entries()) {
      shown.classList.toggle("concurrent", marked.has(other));
    }
    for (const [fold, [from, to]] of folds.entries()) {
      const all = !isOpen[fold] && concurrent.filter((other) => from <= other && other < to).length === to - from;
      foldElements[fold].classList.toggle("concurrent", all);
    }
    for (const arrow of arrows) {
      const { from, to } = arrow.dataset;
      arrow.classList.toggle("of-row", Number(from) === number || Number(to) === number);
    }
  }

  /* ---- the state beside a row ---- */

  function showState(number) {
    const state = stateAfter(number);
    const isLast = number === rows.length - 1;
    byId("state").textContent = `State after row ${number + 1}`;
    byId("tasks").replaceChildren(table("Tasks", ["task", "does"], tasks.map((name, task) => {
      const { says, since, asleep, within } = state.tasks[task];
      const isStuck = isLast && stuck.includes(task);
      const does = element("td", { class: isStuck ? "stuck" : asleep ? "asleep" : null },
        isStuck && !asleep ? "cannot go on" : says);
      if (since !== null) does.append(" since ", rowLink(since));
      for (const { text, row } of [...within].reverse()) {
        does.append(element("div", { class: "within" }, `while it ${text} (`, rowLink(row), ")"));
      }
      return line(name, task === rows[number].task, does);
    })));
    showBeside(state, number);
    showGraph(state, number);
    showValues(state, number);
  }

  function showBeside(state, number) {
    const parts = [];
    const part = (title, head, lines) => {
      if (lines.length) parts.push(element("h3", null, title), table(title, head, lines));
    };
    const held = [...state.locks].filter(([, holders]) => holders.length).sort();
    part("Locks that are held", ["lock", "by"], held.map(([name, holders]) =>
      line(name, name === rows[number].object, element("td", null,
        holders.map((task) => tasks[task]).join(", ")))));
    const topics = [
      ["queue", "Queues", ["queue", "who"]],
      ["image", "Image locks", ["image", "opened, with which lock bytes"]],
      ["other", "Other", ["name", "value"]],
    ];
    for (const [topic, title, head] of topics) {
      const found = [...state.beside.values()].filter((each) => each.topic === topic);
      part(title, head, found.map(({ name, value, row }) =>
        line(name, row === number, element("td", { class: "fixed" }, value))));
    }
    byId("beside").replaceChildren(...parts);
  }

  function showGraph(state, number) {
    const beside = (topic, name) => state.beside.get(`${topic} ${name}`);
    const show = (each, is) => is ? each.removeAttribute("display") : each.setAttribute("display", "none");
    for (const each of all("#graph .edge")) {
      const edge = beside("edge", each.dataset.edge);
      show(each, edge !== undefined && edge.value === each.dataset.child);
      each.classList.toggle("changed", edge !== undefined && edge.row === number);
    }
    for (const each of all("#graph .node")) {
      const name = each.dataset.node;
      const node = beside("node", name);
      const isChild = [...state.beside.values()].some((other) => other.topic === "edge" && other.value === name);
      show(each, node !== undefined || isChild);
      each.classList.toggle("changed", node !== undefined && node.row === number);
      each.querySelector(".state").textContent = node ? node.value : "";
    }
  }

  let showsPrivate = false;
  function showValues(state, number) {
    const values = [...state.values].sort(([one], [other]) => one < other ? -1 : 1);
    const lines = (shared) => values
      .filter(([name]) => (users.get(name).size > 1) === shared)
      .map(([name, { value, row }]) => line(name, row === number,
        element("td", { class: "fixed" }, value), element("td", null, rowLink(row))));
    const of = (shared) => table("Values", ["object", "value", "since"], lines(shared));
    const rest = lines(false).length;
    const details = element("details", { open: showsPrivate ? "" : null },
      element("summary", null, `${rest} that only one task uses`), rest ? of(false) : "");
    details.addEventListener("toggle", () => { showsPrivate = details.open; });
    byId("values").replaceChildren(
      lines(true).length ? of(true) : element("p", null, "none yet"), rest ? details : "");
  }

  /* ---- the drawing ---- */

  function layOut() {
    const tops = [];
    const dots = [];
    let y = 4;
    let next = 0;
    for (let row = 0; row < rows.length; row++) {
      const fold = foldOf[row];
      if (fold !== null && fold === next) {
        foldElements[fold].setAttribute("transform", `translate(0 ${y})`);
        y += m.fold;
        next++;
      }
      const each = rowElements[row];
      if (isDrawn(row)) {
        tops[row] = y;
        dots[row] = y + m.gap + m.text / 2;
        each.setAttribute("transform", `translate(0 ${y})`);
        each.removeAttribute("display");
        y += m.gap + rows[row].lines * m.text + m.below;
      } else {
        dots[row] = y - m.fold / 2;
        each.setAttribute("display", "none");
      }
    }
    const height = y + m.end;
    lanes.setAttribute("height", height);
    lanes.setAttribute("viewBox", `0 0 ${lanes.getAttribute("width")} ${height}`);
    drawSpans(dots, height);
    drawArrows(tops, dots);
  }

  const laneX = tasks.map(() => 0);
  for (const [row, each] of rowElements.entries()) {
    laneX[rows[row].task] = Number(each.querySelector("g").getAttribute("transform").match(/[\d.]+/)[0]);
  }

  function place(each, attribute, value) {
    if (value === null) {
      each.setAttribute("display", "none");
    } else {
      each.setAttribute(attribute, value);
      each.removeAttribute("display");
    }
  }

  function drawSpans(dots, height) {
    const bottom = height - m.end + 10;
    let cross = 0;
    for (const span of spans) {
      const from = Number(span.dataset.from);
      const x = laneX[rows[from].task];
      const to = span.dataset.to === undefined ? bottom : dots[Number(span.dataset.to)];
      place(span, "d", dots[from] < to ? `M${x} ${dots[from]}V${to}` : null);
      if (span.dataset.to === undefined) {
        crosses[cross++].setAttribute("transform", `translate(${x} ${bottom})`);
      }
    }
  }

  function drawArrows(tops, dots) {
    /* For each lane and track: the height at which what is in it begins and ends. */
    const used = tasks.map(() => []);
    for (const arrow of arrows) {
      const [from, to] = [Number(arrow.dataset.from), Number(arrow.dataset.to)];
      const isShown = arrow.classList.contains("wake") ? dots[from] < dots[to] : isDrawn(from) && isDrawn(to);
      if (!isShown) {
        place(arrow, "d", null);
        continue;
      }
      const lane = used[rows[from].task];
      let track = lane.findIndex((each) => each.begin === dots[from]);
      const isOwn = track >= 0;
      if (!isOwn) track = lane.findIndex((each) => each.end <= dots[from]);
      if (track < 0) track = lane.length;
      lane[track] = { begin: dots[from], end: Math.max(dots[to], isOwn ? lane[track].end : 0) };
      place(arrow, "d", path(arrow, track, tops, dots));
    }
  }

  function path(arrow, track, tops, dots) {
    const [from, to] = [Number(arrow.dataset.from), Number(arrow.dataset.to)];
    const [x, y, toX] = [laneX[rows[from].task], dots[from], laneX[rows[to].task]];
    const down = x - m.track * (Math.min(track, m.tracks - 1) + 1);
    const across = isDrawn(to) ? tops[to] + Number(arrow.dataset.offset) : dots[to] - m.fold / 2 + m.in_fold;
    const c = m.corner;
    const side = toX > down ? c : -c;
    return `M${x} ${y}H${down + c}Q${down} ${y} ${down} ${y + c}V${across - c}` +
      `Q${down} ${across} ${down + side} ${across}H${toX - side}Q${toX} ${across} ${toX} ${across + c}V${dots[to] - 5}`;
  }

  /* ---- folds ---- */

  function setFold(fold, open) {
    isOpen[fold] = open;
    const each = foldElements[fold];
    const [from, to] = folds[fold];
    each.setAttribute("aria-expanded", open);
    each.setAttribute("aria-label", `Rows ${from + 1} to ${to}`);
  }

  function foldsChanged() {
    layOut();
    if (unfoldButton) {
      const isAll = isOpen.every((open) => open);
      unfoldButton.setAttribute("aria-pressed", isAll);
      unfoldButton.textContent = isAll ? "Fold all" : "Unfold all";
    }
    if (!isDrawn(current)) {
      const after = rows.findIndex((_, row) => row > current && isDrawn(row));
      select(after < 0 ? visibleRows().at(-1) ?? current : after, false);
    }
  }

  function toggleFold(fold) {
    setFold(fold, !isOpen[fold]);
    foldsChanged();
  }

  /* ---- steps ---- */

  let current = rows.length - 1;
  const visibleRows = () => rows.map((_, row) => row).filter(isDrawn);

  /* Makes a row the one whose state is shown. */
  function select(row, focus) {
    if (!isDrawn(row)) {
      setFold(foldOf[row], true);
      foldsChanged();
    }
    rowElements[current].classList.remove("here");
    rowElements[current].removeAttribute("aria-current");
    rowElements[current].setAttribute("tabindex", "-1");
    current = row;
    const each = rowElements[row];
    each.classList.add("here");
    each.setAttribute("aria-current", "step");
    each.setAttribute("tabindex", "0");
    byId("position").textContent = `Row ${row + 1} of ${rows.length}`;
    describe(row);
    showState(row);
    bringIntoView(each);
    if (focus) each.focus({ preventScroll: true });
  }

  function bringIntoView(each) {
    const inner = box.getBoundingClientRect();
    const outer = each.getBoundingClientRect();
    const names = 40;
    if (outer.top < inner.top + names) box.scrollTop += outer.top - inner.top - names;
    const over = outer.bottom + 40 - inner.bottom;
    if (over > 0) box.scrollTop += over;
    const text = each.querySelector(".what").getBoundingClientRect();
    if (text.left < inner.left + 60) box.scrollLeft += text.left - inner.left - 60;
    const width = box.clientWidth;
    const right = Math.min(text.right, text.left + width - 80) - (inner.left + width) + 12;
    if (right > 0) box.scrollLeft += right;
  }

  /* The box may be higher than what is seen of the page. */
  function bringPageAlong() {
    const { top, bottom } = rowElements[current].getBoundingClientRect();
    if (top < 40) scrollBy(0, top - 60);
    else if (bottom > innerHeight) scrollBy(0, bottom - innerHeight + 40);
  }

  function step(how, focus) {
    const shown = visibleRows();
    const own = shown.filter((row) => rows[row].task === rows[current].task);
    const before = (list) => list.filter((row) => row < current).at(-1);
    const after = (list) => list.find((row) => row > current);
    const to = {
      first: () => shown[0],
      last: () => shown.at(-1),
      back: () => before(shown),
      forward: () => after(shown),
      "own-back": () => before(own),
      "own-forward": () => after(own),
    }[how]();
    if (to !== undefined) select(to, focus);
    else if (focus) rowElements[current].focus({ preventScroll: true });
    bringPageAlong();
  }

  const KEYS = {
    ArrowDown: "forward", ArrowUp: "back", ArrowRight: "own-forward", ArrowLeft: "own-back", Home: "first", End: "last",
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    /* The state is scrolled by the same keys. */
    if (event.target.closest(".state, header, input, select")) return;
    const fold = event.target.closest(".fold");
    if (fold && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      toggleFold(Number(fold.dataset.fold));
    } else if (KEYS[event.key]) {
      event.preventDefault();
      step(KEYS[event.key], !event.target.closest(".controls"));
    }
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#r']");
    if (!link) return;
    event.preventDefault();
    select(Number(link.hash.slice(2)) - 1, false);
    if (!link.closest(".state")) box.scrollIntoView({ block: "nearest" });
  });

  for (const button of all("[data-step]")) {
    button.addEventListener("click", () => step(button.dataset.step, false));
  }
  for (const [row, each] of rowElements.entries()) {
    each.setAttribute("role", "button");
    each.setAttribute("tabindex", "-1");
    each.addEventListener("click", () => select(row, false));
    each.addEventListener("focus", () => { if (row !== current) select(row, false); });
    each.addEventListener("mouseenter", () => describe(row));
  }
  lanes.addEventListener("mouseleave", () => describe(current));
  for (const [fold, each] of foldElements.entries()) {
    each.setAttribute("role", "button");
    each.setAttribute("tabindex", "0");
    setFold(fold, false);
    each.addEventListener("click", () => toggleFold(fold));
  }
  unfoldButton?.addEventListener("click", () => {
    const open = !isOpen.every((each) => each);
    folds.forEach((_, fold) => setFold(fold, open));
    foldsChanged();
    bringIntoView(rowElements[current]);
  });

  byId("copy")?.addEventListener("click", async () => {
    const command = byId("replay");
    try {
      await navigator.clipboard.writeText(command.textContent);
      byId("copied").textContent = "Copied";
    } catch {
      /* Not every browser lets a file write there: then it is marked, for the copy key. */
      getSelection().selectAllChildren(command);
      byId("copied").textContent = "Marked: press the copy key";
    }
  });

  document.documentElement.classList.remove("static");
  /* The row that the address names, or the one in which it broke, or the last one. */
  const named = Number(location.hash.match(/^#r(\d+)$/)?.[1]);
  const broken = rows.findLastIndex((row) => row.kind === "broken");
  const first = named >= 1 && named <= rows.length ? named - 1 : broken;
  select(first >= 0 ? first : rows.length - 1, false);
})();
