import { useLayoutEffect, useRef } from "preact/hooks";
import { useApp } from "../context.ts";

/** useLayer opens a dialog element as a modal that the back button closes too. */
export function useLayer(onClose: () => void) {
  const { router } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const element = dialog.current;
    const onCancel = (event: Event): void => {
      event.preventDefault();
      close.current();
    };
    element?.addEventListener("cancel", onCancel);
    element?.showModal();
    // The field that is asked for, else the heading: not the button that closes it all.
    (element?.querySelector<HTMLElement>("[autofocus]") ?? element?.querySelector("h2"))?.focus();
    return () => element?.close();
  }, []);
  useLayoutEffect(() => router.layer(() => close.current()), []);
  return dialog;
}
