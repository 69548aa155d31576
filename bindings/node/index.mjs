import heirloom from './index.js'

export const { migrate, Database, HeirloomError } = heirloom
