// The fonts of the system: none is loaded.
import theme from "vitepress/theme-without-fonts";
import type { Theme } from "vitepress";
import { h } from "vue";
import "./style.css";

/** The browser shows a page once it has this element: columns of a long table move while its rows arrive. */
const end = (): unknown => h("div", { id: "page-end" });

export default { extends: theme, Layout: () => h(theme.Layout, null, { "layout-bottom": end }) } satisfies Theme;
