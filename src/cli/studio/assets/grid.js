// Arrows in a table: one cell can be reached by Tab, the others from it.
export function grid(table) {
  const rows = [...table.tBodies[0].rows];
  const cell = (row, column) => rows[row]?.querySelectorAll("td")[column];
  let [row, column] = [0, 0];
  table.setAttribute("role", "grid");
  rows.forEach((line) => line.querySelectorAll("td").forEach((td) => {
    td.tabIndex = -1;
    td.setAttribute("role", "gridcell");
  }));
  const first = cell(0, 0);
  if (first) first.tabIndex = 0;
  const move = (down, right) => {
    const next = cell(row + down, column + right);
    if (!next) return;
    cell(row, column).tabIndex = -1;
    row += down;
    column += right;
    next.tabIndex = 0;
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  table.addEventListener("focusin", (event) => {
    const td = event.target.closest("td");
    const line = td && rows.indexOf(td.parentElement);
    if (!td || line < 0) return;
    cell(row, column).tabIndex = -1;
    row = line;
    column = [...td.parentElement.querySelectorAll("td")].indexOf(td);
    td.tabIndex = 0;
  });
  const ways = {
    ArrowDown: () => move(1, 0), ArrowUp: () => move(-1, 0), ArrowRight: () => move(0, 1), ArrowLeft: () => move(0, -1),
    Home: () => move(0, -column), End: () => move(0, rows[row].querySelectorAll("td").length - 1 - column),
    PageDown: () => move(Math.min(10, rows.length - 1 - row), 0), PageUp: () => move(-Math.min(10, row), 0),
    " ": () => {
      const marked = rows[row].classList.toggle("marked");
      rows[row].setAttribute("aria-selected", String(marked));
    },
    Enter: () => (cell(row, column).querySelector("a") || rows[row].querySelector("th a"))?.click(),
  };
  table.addEventListener("keydown", (event) => {
    if (event.target.tagName !== "TD" || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    way();
  });
}
