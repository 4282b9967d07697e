import { useId, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Sheet } from "./sheet.tsx";

interface NameFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string;
  readonly focused?: boolean;
}

/** NameField asks for a name, of a person, a circle or a device. */
export function NameField({ label, value, onValue, hint, focused = false }: NameFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} type="text" value={value} maxLength={40} dir="auto" autocomplete="off" autofocus={focused} {...(hint === undefined ? {} : { "aria-describedby": `${id}h` })}
        onInput={(event) => onValue(event.currentTarget.value)} />
      {hint === undefined ? null : <p class="state" id={`${id}h`}>{hint}</p>}
    </div>
  );
}

interface NameSheetProps {
  readonly title: string;
  readonly value: string;
  readonly hint?: string;
  readonly onName: (name: string) => void;
  readonly onClose: () => void;
}

/** NameSheet changes one name. */
export function NameSheet({ title, value, hint, onName, onClose }: NameSheetProps) {
  const { t } = useApp();
  const [name, setName] = useState(value);
  const wanted = name.trim();
  const form = useId();
  const save = (event: Event): void => {
    event.preventDefault();
    if (wanted === "") return;
    onClose();
    if (wanted !== value) onName(wanted);
  };
  return (
    <Sheet title={title} onClose={onClose} foot={<button type="submit" form={form} class="button primary" disabled={wanted === ""}>{t.save}</button>}>
      <form id={form} onSubmit={save}>
        <NameField label={title} value={name} onValue={setName} focused {...(hint === undefined ? {} : { hint })} />
      </form>
    </Sheet>
  );
}
