// Set before anything is drawn, so that a dark page does not flash in white. Not a module: those wait.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("originid.theme");
  } catch {
    // Without storage the page looks as the system says.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
