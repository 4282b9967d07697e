import { en } from "../words/en/words.ts";

/** Mark is the app's sign and name. */
export function Mark() {
  return (
    <p class="mark">
      <svg viewBox="0 0 512 512" aria-hidden="true" focusable="false">
        <rect class="mark-ground" width="512" height="512" rx="112" />
        <path class="mark-stem" d="M174 136v240" />
        <path class="mark-leaf" d="M222 256c0-82 62-144 144-144 0 82-62 144-144 144Z" />
        <path class="mark-second" d="M222 256c82 0 144 62 144 144-82 0-144-62-144-144Z" />
      </svg>
      {en.app}
    </p>
  );
}
