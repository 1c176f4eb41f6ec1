// Jest of a project that has aioflux: npm i -D jest @babel/preset-env
// #region jest
const presets = [['@babel/preset-env', { targets: { node: 'current' } }]]

module.exports = {
  transform: { '\\.[jt]sx?$': ['babel-jest', { presets }] },
  transformIgnorePatterns: ['/node_modules/(?!aioflux/)'],
}
// #endregion
