/** The built page: its files by name. Written by build.mjs. */
export declare const files: Readonly<Record<string, { readonly type: string; readonly text: string }>>;
