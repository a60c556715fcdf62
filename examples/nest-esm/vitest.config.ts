import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { globals: true, include: ["src/**/*.spec.ts"] },
  // Nest injects by decorators.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
});
