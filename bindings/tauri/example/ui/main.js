const { heirloom, sql } = window.__TAURI__
const at = (id) => document.getElementById(id)
const show = (page) => {
  for (const main of document.querySelectorAll('main')) main.hidden = main.id !== page
}

// The splash screen.

const phases = {
  waiting: ({ holder }) => `Another program holds the notes: ${holder}`,
  recovering: () => 'Restoring the backup of an update that was interrupted',
  checking: ({ what, done, total }) => `Reading ${what}: ${done} of ${total}`,
  copying: ({ done, total }) => `Backing up: ${done} of ${total} bytes`,
  copy_verified: () => 'The backup is verified',
  started: ({ migration, number, of }) => `Update ${number} of ${of}: ${migration}`,
  filling: ({ table, done, total }) => `Rewriting ${table}: ${done} of ${total} rows`,
  proving: () => 'Checking that nothing was lost',
  committed: () => 'Done',
  rolling_back: () => 'Rolling back',
}
// What was seen, for the test that drives this window.
const seen = (window.seen = [])

function progress(event) {
  if (seen.length < 1000) seen.push(event)
  const text = phases[event.event]?.(event)
  if (text) at('phase').textContent = text
  if (event.total) at('bar').value = event.done / event.total
  else at('bar').removeAttribute('value')
}

async function start(call = heirloom.ready) {
  show('splash')
  try {
    await notes((await call(progress)).text)
  } catch (error) {
    await trouble(error)
  }
}

// An error: what failed, in what state the data is, what to do; and an older app's choices.

async function trouble(error) {
  const isNewer = error.kind === 'database-newer'
  at('trouble-title').textContent = isNewer ? 'Your notes are from a newer version' : 'Your notes cannot be opened'
  at('trouble-text').textContent = error.message
  at('trouble-state').textContent = error.data
  at('trouble-help').textContent = error.help ?? ''
  at('choices').replaceChildren()
  if (isNewer) {
    const options = await heirloom.downgradeOptions()
    if (options.canRevert) {
      choice('revert', `Undo what the newer version changed (${options.unknown.join(', ')})`, () => start(heirloom.revertToKnown))
    }
    if (options.restore) {
      const { createdAt, rowsLost, copy } = options.restore
      choice('restore-before', `Go back to the backup of ${createdAt}: ${rowsLost} rows are lost`, () =>
        start((onEvent) => heirloom.restore(copy, { onEvent })))
    }
    if (options.canOpenAnyway) choice('open-anyway', 'Open them as they are', () => start(heirloom.openAnyway))
  }
  choice('again', 'Try again', () => start(heirloom.migrate))
  show('trouble')
}

function choice(id, text, chosen) {
  const button = document.createElement('button')
  Object.assign(button, { id, textContent: text, onclick: chosen })
  at('choices').append(button)
}

// The notes, which tauri-plugin-sql reads: opened when heirloom has closed the file.

let database

async function notes(report) {
  database ??= await sql.load('sqlite:notes.db')
  const [{ count }] = await database.select('SELECT count(*) AS count FROM notes')
  const list = await database.select('SELECT title FROM notes ORDER BY pinned DESC, id DESC LIMIT 8')
  at('count').textContent = count
  at('list').replaceChildren(...list.map(({ title }) => Object.assign(document.createElement('li'), { textContent: title })))
  if (report) at('report').textContent = report
  show('notes')
}

at('add').onclick = async () => {
  await database.execute('INSERT INTO notes (title) VALUES ($1)', [`A note of ${new Date().toLocaleTimeString()}`])
  await notes()
}

// The settings page.

let replaced

async function settings(said = '') {
  const rows = (await heirloom.backups()).map((backup) => {
    const row = document.createElement('tr')
    const { createdAt, origin, version, bytes, verified } = backup
    for (const text of [createdAt, origin, version ?? 'none', `${bytes} bytes`, verified ? 'yes' : 'NO']) {
      row.insertCell().textContent = text
    }
    const button = Object.assign(document.createElement('button'), { className: 'restore', textContent: 'Restore …' })
    button.onclick = () => ask({ file: backup.file })
    row.insertCell().append(button)
    return row
  })
  at('backups').replaceChildren(...rows)
  at('undo').hidden = !replaced
  at('said').textContent = said
  show('settings')
}

async function told(call) {
  try {
    await settings(await call())
  } catch (error) {
    await settings([error.message, error.data, error.help].filter(Boolean).join('. '))
  }
}

async function ask(backup) {
  const { before, after } = await heirloom.planRestore(backup)
  at('question-text').textContent =
    `The notes of that day replace those of today: ${after.rows.notes} notes instead of ${before?.rows.notes}. ` +
    'What is there now is backed up first.'
  at('yes').onclick = () => {
    at('question').close()
    told(() => restore(backup))
  }
  at('question').showModal()
}

async function restore(backup) {
  await database?.close()
  database = undefined
  const report = await heirloom.restore(backup)
  replaced = report.replaced
  return report.text
}

at('no').onclick = () => at('question').close()
at('undo').onclick = () => told(() => restore({ file: replaced }))
at('snapshot').onclick = () => told(async () => `Snapshot taken: ${(await heirloom.snapshot(at('name').value)).file}`)
at('check').onclick = () =>
  told(async () => {
    const { problems, passed } = await heirloom.doctor()
    return problems.length ? problems.map(({ message, help }) => `${message}: ${help}`).join('. ') : passed.join('. ')
  })
at('to-settings').onclick = () => settings()
at('to-notes').onclick = () => notes()
at('cancel').onclick = () => heirloom.cancel()

start()
