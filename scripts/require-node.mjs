// Says in one line what is missing when the Node in use is older than what waybill is built with.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  console.error(
    `waybill needs Node >= 22.13, this is ${process.versions.node}. On Linux x64 "npm ci" brings one along; elsewhere install it from nodejs.org.`,
  );
  process.exit(1);
}
