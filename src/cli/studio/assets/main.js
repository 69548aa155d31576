// What every page needs. All of it is an addition: without scripts the pages work as well.
import { palette } from "./palette.js";
import { grid } from "./grid.js";
import { follow } from "./job.js";
import { diagram } from "./diagram.js";
import { watch } from "./stale.js";

const find = (selector, root = document) => root.querySelector(selector);

// The drawer of narrow windows.
const menu = find("#menu");
const side = find("#side");
menu.hidden = false;
const drawer = (open) => {
  side.classList.toggle("open", open);
  menu.setAttribute("aria-expanded", String(open));
};
menu.addEventListener("click", () => drawer(!side.classList.contains("open")));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && side.classList.contains("open")) {
    drawer(false);
    menu.focus();
  }
});

// Parts of a page that take long are asked for when it is there. A document is parsed by the
// browser; no script makes HTML of text.
function part(place) {
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.open("GET", place.dataset.fragment);
  request.addEventListener("load", () => {
    const found = request.response && find("[data-part]", request.response);
    if (!found) return;
    place.replaceChildren(document.importNode(found, true));
    const work = find("[data-job]", place);
    if (!work) return;
    const next = new URL(work.dataset.next, location.href);
    follow(work, () => {
      place.dataset.fragment = next.pathname + next.search;
      part(place);
    });
  });
  request.send();
}
document.querySelectorAll("[data-fragment]").forEach(part);

document.querySelectorAll("main > [data-job], main section > [data-job], main div > [data-job]").forEach((work) => {
  if (!work.closest("[data-fragment]")) follow(work, () => location.replace(work.dataset.next));
});

// Lists that are filtered while one types.
document.querySelectorAll("[data-filter]").forEach((field) => {
  const items = document.getElementById(field.dataset.filter).querySelectorAll("[data-name]");
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    items.forEach((item) => { item.hidden = !item.dataset.name.toLowerCase().includes(wanted); });
  });
});

document.querySelectorAll("[data-submit]").forEach((field) => {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      field.form.requestSubmit();
    }
  });
});

// The result of work that is done is not another page: reloading does it again.
const here = new URL(location.href);
if (here.searchParams.has("run") && !find("main [data-job]")) {
  here.searchParams.delete("run");
  history.replaceState(null, "", here);
}

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => delete form.dataset.sent));

palette(find("#palette-open"));
watch();
document.querySelectorAll("[data-grid]").forEach(grid);
document.querySelectorAll("[data-diagram]").forEach(diagram);
document.documentElement.dataset.ready = "yes";
