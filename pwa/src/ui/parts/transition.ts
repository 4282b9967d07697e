/** transition moves from one picture of the page to the next, where the browser can and the person does not
 * mind motion. `before` names what is to move, `change` changes the page, `after` takes the name away. */
export function transition(change: () => void, before: () => void, after: () => void): void {
  if (typeof document.startViewTransition !== "function" || matchMedia("(prefers-reduced-motion: reduce)").matches) return change();
  before();
  drawn().then(() => {
    const moving = document.startViewTransition(() => {
      change();
      return drawn();
    });
    return moving.finished;
  }).finally(after);
}

/** Resolves when the views have been drawn anew: they are, in a microtask. */
function drawn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
