// Everywhere one can go, by a few letters. Entries are plain addresses.
const make = (name, attributes = {}, ...inside) => {
  const element = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...inside);
  return element;
};

// Words that begin so, words that hold it, then letters in this order.
function rank(words, wanted) {
  const text = words.toLowerCase();
  if (text.startsWith(wanted)) return 0;
  if (text.includes(wanted)) return 1;
  let at = 0;
  for (const letter of wanted) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return -1;
  }
  return 2;
}

export function palette(button) {
  let entries = null;
  let shown = [];
  let chosen = 0;
  const field = make("input", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list",
    "aria-autocomplete": "list", "aria-label": "Go to", placeholder: "Page, table, backup or command", autocomplete: "off",
  });
  const list = make("ul", { id: "palette-list", role: "listbox", "aria-label": "Places" });
  const dialog = make("dialog", { class: "palette", "aria-label": "Go to" }, field, list);
  const keys = make("dialog", { class: "keys", "aria-labelledby": "keys-title" },
    make("h2", { id: "keys-title" }, "Keys"),
    make("dl", {}, ...[
      ["Ctrl K", "Go to a page, table, backup or command"], ["?", "This list"], ["/", "Filter"],
      ["[ and ]", "Previous and next page"], ["Arrows", "Move in a table"], ["Enter", "Open the row"],
      ["Space", "Mark the row"], ["Esc", "Leave"],
    ].flatMap(([key, does]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, does)])),
    make("form", { method: "dialog" }, make("button", {}, "Close")));
  document.body.append(dialog, keys);

  const choose = (index) => {
    chosen = Math.max(0, Math.min(index, shown.length - 1));
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    const item = list.children[chosen];
    if (shown.length && item) {
      field.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  const update = () => {
    const wanted = field.value.trim().toLowerCase();
    shown = (entries || [])
      .map((entry) => [rank(entry.words, wanted), entry])
      .filter(([order]) => order >= 0)
      .sort((one, other) => one[0] - other[0])
      .slice(0, 50).map(([, entry]) => entry);
    list.replaceChildren(...shown.map((entry, at) => {
      const item = make("li", { role: "option", id: `palette-${at}` },
        make("bdi", {}, entry.words || "(no name)"), make("span", { class: "muted small" }, entry.kind));
      item.addEventListener("click", () => location.assign(entry.address));
      return item;
    }));
    if (!shown.length) {
      const none = entries ? "Nothing is called so." : "Loading…";
      list.append(make("li", { role: "option", "aria-disabled": "true", class: "muted" }, none));
    }
    choose(0);
  };
  const open = async () => {
    field.value = "";
    update();
    dialog.showModal();
    if (entries) return;
    const answer = await fetch("/palette");
    entries = answer.ok ? await answer.json() : [];
    update();
  };
  field.addEventListener("input", update);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && shown[chosen]) location.assign(shown[chosen].address);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  button.hidden = false;
  button.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!dialog.open) open();
    } else if (typing || event.ctrlKey || event.metaKey || event.altKey || dialog.open) {
      return;
    } else if (event.key === "?") {
      keys.showModal();
    } else if (event.key === "/") {
      const filter = document.querySelector("#filter, [data-filter]");
      if (filter) { event.preventDefault(); filter.focus(); }
    } else if (event.key === "[" || event.key === "]") {
      document.querySelector(`a[data-key="${event.key}"]`)?.click();
    }
  });
}
