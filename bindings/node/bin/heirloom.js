#!/usr/bin/env node
// `npx heirloom`: the command line of the Rust package, which comes with the package of this system.
'use strict'

const { spawn } = require('node:child_process')
const { constants } = require('node:os')
const { binary } = require('./binary.js')

const child = spawn(binary(), process.argv.slice(2), { stdio: 'inherit' })
// Ctrl-C reaches the command too, which rolls back and says so. This waits for it.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`heirloom: the command cannot be started: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))
