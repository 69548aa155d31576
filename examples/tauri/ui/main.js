const { invoke } = window.__TAURI__.core;
const { listen } = window.__TAURI__.event;
const at = (id) => document.getElementById(id);

const show = {
  waiting: ({ holder }) => `Another program holds the notes: ${holder}`,
  recovering: () => "Putting back an update that was interrupted",
  copying: ({ done, total }) => `Making a copy first: ${done} of ${total} bytes`,
  migrating: ({ migration, number, of }) => `Update ${number} of ${of}: ${migration}`,
  filling: ({ table, done, total }) => `Writing ${table}: ${done} of ${total} rows`,
  proving: () => "Checking that nothing was lost",
  committed: () => "Done",
  rollingBack: () => "Taking everything back",
};

async function start() {
  await listen("migration", ({ payload }) => {
    at("text").textContent = show[payload.step](payload);
    if (payload.total) at("bar").value = payload.done / payload.total;
  });
  at("cancel").onclick = () => invoke("cancel");
  try {
    at("text").textContent = await invoke("open");
    for (const copy of await invoke("copies")) {
      const row = at("copies").insertRow();
      for (const key of ["origin", "createdAt", "bytes", "version", "verified"]) {
        row.insertCell().textContent = copy[key];
      }
    }
  } catch (failure) {
    at("text").textContent = [failure.message, failure.dataState, failure.help]
      .filter(Boolean)
      .join(". ");
  }
}

start();
