/** The Lua that BullMQ publishes, by the names of its commands. It has no types of its own there. */
declare module "bullmq/dist/cjs/scripts/index.js" {
  const scripts: Readonly<Record<string, { readonly content: string } | undefined>>;
  export = scripts;
}
