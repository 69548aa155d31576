'use strict'

const fs = require('node:fs')
const path = require('node:path')

/** The command: HEIRLOOM_BINARY, the one that was built here, or that of the package of this system. */
function binary() {
  if (process.env.HEIRLOOM_BINARY) return process.env.HEIRLOOM_BINARY
  const name = process.platform === 'win32' ? 'heirloom.exe' : 'heirloom'
  const built = path.join(__dirname, name)
  if (fs.existsSync(built)) return built
  for (const platform of platforms()) {
    try {
      return require.resolve(`heirloom-${platform}/${name}`)
    } catch {}
  }
  console.error(
    `heirloom: there is no command for ${process.platform} ${process.arch}. Was the package installed with ` +
      '--omit=optional or on another system? HEIRLOOM_BINARY may name one.',
  )
  process.exit(1)
}

function platforms() {
  const system = `${process.platform}-${process.arch}`
  if (process.platform === 'linux') return [`${system}-gnu`, `${system}-musl`]
  return process.platform === 'win32' ? [`${system}-msvc`] : [system]
}

module.exports = { binary }
