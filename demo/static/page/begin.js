// The first script of the page, no module and before all of them: says that scripts run, and which of
// the others does not. Of what happens once those have begun, main.js tells.
{
  const status = document.getElementById("status");
  status.textContent = "The model is being opened.";
  // The first fault is the cause of those that follow it. A style that is missing stops nothing.
  const failed = ({ target, filename, message }) => {
    const said = target === window ? `${filename} does not run (${message})` : target.src && `${target.src}, or a script that it needs, cannot be had`;
    if (!said) return;
    status.textContent = `${said}. Load the page again.`;
    end();
  };
  const end = () => window.removeEventListener("error", failed, true);
  window.addEventListener("error", failed, true);
  document.addEventListener("DOMContentLoaded", end); // comes when all modules of the page have begun
}
