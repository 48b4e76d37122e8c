// Set the theme before the first paint, so that a dark page does not flash white.
(() => {
  const kept = localStorage.getItem("rostrum.theme");
  const dark = kept === "dark" || (kept !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
