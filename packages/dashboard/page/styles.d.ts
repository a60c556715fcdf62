/** Style sheets, which Vite puts beside the page. */
declare module "*.css";
