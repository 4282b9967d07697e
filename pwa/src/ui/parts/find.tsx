import { Icon } from "./icon.tsx";

interface FindProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string;
}

/** Find is a search field. */
export function Find({ label, value, onValue, hint }: FindProps) {
  return (
    <label class="find">
      <Icon name="search" />
      <input type="search" aria-label={label} placeholder={hint ?? label} value={value} dir="auto" autocomplete="off" enterkeyhint="search"
        onInput={(event) => onValue(event.currentTarget.value)} />
    </label>
  );
}
