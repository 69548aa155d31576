// The main process in Electron. Not run where this was written: `npm install electron`, then `npx electron .`
'use strict'

const path = require('node:path')
const { app, BrowserWindow, dialog } = require('electron')
const { HeirloomError } = require('heirloom')
const { start } = require('./start')

app.whenReady().then(async () => {
  const splash = new BrowserWindow({ width: 420, height: 160, frame: false })
  const database = path.join(app.getPath('userData'), 'notes.db')
  try {
    await start(database, (event) => {
      if (event.total) splash.setProgressBar(event.done / event.total)
    })
    new BrowserWindow({ width: 900, height: 600 }).loadFile('index.html')
    splash.close()
  } catch (error) {
    if (!(error instanceof HeirloomError)) throw error
    const detail = [error.data, error.help].filter(Boolean).join('\n')
    dialog.showMessageBoxSync({ type: 'error', message: error.message, detail })
    app.quit()
  }
})
