// Follows a piece of work until its end.
export function follow(work, done) {
  const [bar, what, lines] = [work.querySelector("progress"), work.querySelector("[data-what]"), work.querySelector("[data-lines]")];
  const status = document.getElementById("status");
  let spoken = 0;
  let failures = 0;
  const say = (text) => {
    if (Date.now() - spoken < 2000) return;
    spoken = Date.now();
    status.textContent = text;
  };
  lines.replaceChildren();
  const events = new EventSource(`/jobs/${encodeURIComponent(work.dataset.job)}/events`);
  events.addEventListener("message", (message) => {
    failures = 0;
    const event = JSON.parse(message.data);
    if (event.kind === "progress") {
      bar.value = event.percent;
      what.textContent = `${event.what}, ${event.percent} %`;
    } else {
      const item = document.createElement("li");
      item.textContent = event.text;
      lines.append(item);
      say(event.text);
    }
  });
  events.addEventListener("end", () => {
    events.close();
    status.textContent = "";
    done();
  });
  events.addEventListener("error", () => {
    failures += 1;
    // A stream that begins again tells everything again.
    lines.replaceChildren();
    if (failures < 3) return;
    events.close();
    status.textContent = "The studio does not answer any more. Start it again in the terminal.";
    document.querySelectorAll("form button").forEach((button) => { button.disabled = true; });
  });
}
