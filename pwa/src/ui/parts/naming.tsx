import { useId, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { NameField } from "./name.tsx";
import { Sheet } from "./sheet.tsx";

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
        <NameField label={title} value={name} onValue={setName} focused titled {...(hint === undefined ? {} : { hint })} />
      </form>
    </Sheet>
  );
}
