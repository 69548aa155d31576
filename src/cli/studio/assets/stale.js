// Says when the page is older than the database, and when nobody answers any more.
const EVERY = 4000;

export function watch() {
  const shown = document.body.dataset.stamp;
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.setAttribute("role", "status");
  bar.hidden = true;
  document.getElementById("main").before(bar);
  const words = document.createElement("span");
  const reload = document.createElement("button");
  reload.type = "button";
  reload.textContent = "Reload";
  reload.addEventListener("click", () => location.reload());
  bar.append(words, reload);
  let failures = 0;
  const say = (text) => {
    if (words.textContent !== text) words.textContent = text;
    bar.hidden = !text;
  };
  const look = async () => {
    // Work that is under way changes the file, and ends on another page.
    if (document.hidden || document.querySelector("main > [data-job]")) return;
    try {
      const answer = await fetch("/stamp");
      const { stamp } = await answer.json();
      if (failures > 1) location.reload();
      failures = 0;
      say(stamp === shown ? "" : "The database has changed since this page was made.");
    } catch {
      failures += 1;
      if (failures === 2) {
        say("The studio does not answer any more. Start it again in the terminal.");
        document.querySelectorAll("main form button").forEach((button) => { button.disabled = true; });
      }
    }
  };
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}
