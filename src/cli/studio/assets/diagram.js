// Pan, zoom and search in the diagram; a table with its neighbours.
export function diagram(root) {
  const canvas = root.querySelector(".canvas");
  const svg = canvas.querySelector("svg");
  const [left, top, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const entities = [...svg.querySelectorAll(".entity")];
  const lines = [...svg.querySelectorAll("g.line")];
  let view = { x: left, y: top, scale: 1 };
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  canvas.classList.add("live");
  const draw = () => {
    const { clientWidth, clientHeight } = canvas;
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${clientWidth / view.scale} ${clientHeight / view.scale}`);
    svg.classList.toggle("names", view.scale < 0.6);
    // Names stay readable for longer than the rest.
    svg.style.setProperty("--name", `${Math.min(11 / view.scale, 24)}px`);
  };
  const zoom = (factor, cx = canvas.clientWidth / 2, cy = canvas.clientHeight / 2) => {
    const scale = Math.max(0.05, Math.min(3, view.scale * factor));
    view.x += cx / view.scale - cx / scale;
    view.y += cy / view.scale - cy / scale;
    view.scale = scale;
    draw();
  };
  const fit = () => {
    const scale = Math.min(1.2, canvas.clientWidth / width, canvas.clientHeight / height);
    view = { scale, x: left - (canvas.clientWidth / scale - width) / 2, y: top - (canvas.clientHeight / scale - height) / 2 };
    draw();
  };
  // A table, those it refers to and those that refer to it; all else is dimmed.
  const focus = (name) => {
    const near = new Set([name]);
    lines.forEach((line) => {
      const mine = name && (line.dataset.from === name || line.dataset.to === name);
      line.classList.toggle("lit", Boolean(mine));
      if (mine) { near.add(line.dataset.from); near.add(line.dataset.to); }
    });
    svg.classList.toggle("focused", Boolean(name));
    entities.forEach((entity) => {
      const dim = Boolean(name) && !near.has(entity.dataset.name);
      entity.classList.toggle("dim", dim);
      entity.classList.toggle("chosen", entity.dataset.name === name);
      entity.querySelector("a").tabIndex = dim ? -1 : 0;
    });
  };
  const show = (name) => {
    const entity = entities.find((one) => one.dataset.name.toLowerCase() === name.toLowerCase());
    focus(entity ? entity.dataset.name : "");
    if (!entity) return;
    view.scale = Math.max(view.scale, 0.8);
    const [, x, y] = entity.getAttribute("transform").match(/([-\d.]+) ([-\d.]+)/).map(Number);
    const box = entity.querySelector("rect");
    view.x = x + Number(box.getAttribute("width")) / 2 - canvas.clientWidth / view.scale / 2;
    view.y = y + Number(box.getAttribute("height")) / 2 - canvas.clientHeight / view.scale / 2;
    draw();
  };
  const search = root.querySelector("[data-find]");
  search.addEventListener("input", () => show(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { search.value = ""; focus(""); }
    if (event.key === "Enter") {
      const begins = entities.find((one) => one.dataset.name.toLowerCase().startsWith(search.value.toLowerCase()));
      if (begins) show(begins.dataset.name);
    }
  });
  const does = { in: () => zoom(1.25), out: () => zoom(0.8), fit };
  root.querySelectorAll("[data-zoom]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", does[button.dataset.zoom]);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.1 : 0.9, event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.target.closest("a")) return;
    from = { x: event.clientX, y: event.clientY, view: { ...view } };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    view.x = from.view.x - (event.clientX - from.x) / view.scale;
    view.y = from.view.y - (event.clientY - from.y) / view.scale;
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    const still = from && Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4;
    from = null;
    if (!still) return;
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest(".entity");
    focus(under && !under.classList.contains("chosen") ? under.dataset.name : "");
  });
  entities.forEach((entity) => {
    entity.addEventListener("focusin", () => focus(entity.dataset.name));
  });
  canvas.addEventListener("keydown", (event) => {
    const step = 60 / view.scale;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      draw();
    } else if (event.key === "+") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "Escape") focus("");
    else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(canvas);
  fit();
}
