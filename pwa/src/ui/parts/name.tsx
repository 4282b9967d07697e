import { useId } from "preact/hooks";

interface NameFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string;
  readonly focused?: boolean;
  /** The label stands above already, as a title. */
  readonly titled?: boolean;
}

/** NameField asks for a name, of a person, a circle or a device. */
export function NameField({ label, value, onValue, hint, focused = false, titled = false }: NameFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={titled ? "unseen" : undefined}>{label}</label>
      <input id={id} type="text" value={value} maxLength={40} dir="auto" autocomplete="off" autofocus={focused} {...(hint === undefined ? {} : { "aria-describedby": `${id}h` })}
        onInput={(event) => onValue(event.currentTarget.value)} />
      {hint === undefined ? null : <p class="state" id={`${id}h`}>{hint}</p>}
    </div>
  );
}
