module.exports = { dialect: 'sqlite', schema: './src/schema.js' }
