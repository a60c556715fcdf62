import type { BackendFactory } from "../backend/contract.ts";

// The part of a backend package that core uses. tsconfig.json maps every backend package to this file, since core is compiled
// before them.

/** The versions of a schema before and after a migration. */
export interface Migration {
  /** Before; 0 is a store that was empty. */
  readonly from: number;
  /** Now. */
  readonly to: number;
}

export interface BackendPackage {
  readonly fromUrl: (url: string) => BackendFactory;
  readonly migrate?: (url: string) => Promise<Migration>;
}

export declare const fromUrl: BackendPackage["fromUrl"];
