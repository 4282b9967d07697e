/**
 * Finds elements as a person names them: by role and accessible name, by text, by label. The subset of what Playwright's locators
 * do that the tests' people use (people.ts), for a browser that Playwright does not drive. It runs in the page.
 */

/** Wanted is a text to compare with: a part of it in any case, all of it, or a pattern. */
export type Wanted = { readonly part: string } | { readonly whole: string } | { readonly source: string; readonly flags: string };

/** Step leads from some elements to others: those in them of a role, a text or a label, or some of them. */
export type Step =
  | { readonly by: "role"; readonly role: string; readonly name?: Wanted; readonly level?: number }
  | { readonly by: "text" | "label"; readonly text: Wanted }
  | { readonly by: "has"; readonly text: Wanted }
  | { readonly by: "visible" }
  | { readonly by: "nth"; readonly at: number };

/** find returns the elements that the steps lead to from the document. It uses nothing from outside of itself. */
export function find(steps: readonly Step[]): Element[] {
  // ARIA in HTML §3: what an element is without a role of its own.
  const natives: Readonly<Record<string, string>> = {
    button: "button,input[type=button],input[type=submit],summary",
    link: "a[href]",
    textbox: "textarea,input:not([type]),input[type=text],input[type=url],input[type=email],input[type=tel]",
    searchbox: "input[type=search]",
    heading: "h1,h2,h3,h4,h5,h6",
    navigation: "nav",
    main: "main",
    list: "ul,ol",
    listitem: "li",
    article: "article",
    dialog: "dialog",
    region: "section[aria-label],section[aria-labelledby]",
    status: "output",
    radio: "input[type=radio]",
    checkbox: "input[type=checkbox]",
    combobox: "select",
    img: "img[alt]:not([alt=''])",
  };
  const plain = (text: string | null | undefined): string => (text ?? "").replace(/[\u200b\u00ad]/g, "").replace(/\s+/g, " ").trim();
  const fits = (text: string, wanted: Wanted): boolean => {
    if ("part" in wanted) return text.toLowerCase().includes(plain(wanted.part).toLowerCase());
    if ("whole" in wanted) return text === plain(wanted.whole);
    return new RegExp(wanted.source, wanted.flags).test(text);
  };
  const textOf = (node: Node): string => {
    if (!(node instanceof Element)) return node.nodeType === Node.TEXT_NODE ? (node.nodeValue ?? "") : "";
    return /^(SCRIPT|STYLE)$/.test(node.tagName) ? "" : [...node.childNodes].map(textOf).join("");
  };
  const rendered = (element: Element): boolean => element.checkVisibility({ visibilityProperty: true });
  const visible = (element: Element): boolean => {
    const box = element.getBoundingClientRect();
    return rendered(element) && box.width > 0 && box.height > 0;
  };
  // Accessible Name and Description Computation 1.2 §4.3.2, without CSS content.
  const spoken = (element: Element): string => {
    if (element.getAttribute("aria-hidden") === "true") return "";
    const own = element.getAttribute("aria-label") ?? (element instanceof HTMLImageElement ? element.alt : undefined);
    if (own !== undefined) return own;
    return [...element.childNodes].map((child) => (child instanceof Element ? (rendered(child) ? ` ${spoken(child)} ` : "") : child.nodeValue)).join("");
  };
  const nameOf = (element: Element): string => {
    const by = element.getAttribute("aria-labelledby");
    if (by !== null) return plain(by.split(/\s+/).map((id) => spoken(document.getElementById(id) ?? document.createElement("i"))).join(" "));
    const own = element.getAttribute("aria-label");
    if (own !== null) return plain(own);
    const labels = (element as HTMLInputElement).labels;
    if (labels && labels.length > 0) return plain([...labels].map(spoken).join(" "));
    if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) return plain(element.placeholder || element.title || (element.type === "submit" ? element.value : ""));
    return plain(spoken(element));
  };
  const hidden = (element: Element): boolean => element.closest("[aria-hidden=true]") !== null || !rendered(element);
  const ofRole = (root: ParentNode, role: string): Element[] => {
    const native = natives[role];
    const all = [...root.querySelectorAll(native === undefined ? `[role=${role}]` : `[role=${role}],${native}`)];
    return all.filter((element) => !hidden(element) && (element.getAttribute("role") ?? role) === role);
  };
  const step = (from: readonly ParentNode[], each: Step): Element[] => {
    const found = from as readonly Element[];
    switch (each.by) {
      case "role": {
        const { name, level } = each;
        const roled = from.flatMap((root) => ofRole(root, each.role)).filter((element) => level === undefined || element.tagName === `H${level}`);
        return name === undefined ? roled : roled.filter((element) => fits(nameOf(element), name));
      }
      case "text": {
        const saying = from.flatMap((root) => [...root.querySelectorAll("*")]).filter((element) => fits(plain(textOf(element)), each.text));
        return saying.filter((element) => !saying.some((other) => other !== element && element.contains(other)));
      }
      case "label":
        return from.flatMap((root) => [...root.querySelectorAll("input,textarea,select,[aria-label]")]).filter((element) => fits(nameOf(element), each.text));
      case "has":
        return found.filter((element) => fits(plain(textOf(element)), each.text));
      case "visible":
        return found.filter(visible);
      case "nth":
        return found.slice(each.at, each.at === -1 ? undefined : each.at + 1);
    }
  };
  return steps.reduce<readonly ParentNode[]>((from, each) => [...new Set(step(from, each))], [document]) as Element[];
}

/** isSeen says whether an element takes up room and is not hidden. It runs in the page. */
export function isSeen(element: Element): boolean {
  const box = element.getBoundingClientRect();
  return element.isConnected && element.checkVisibility({ visibilityProperty: true }) && box.width > 0 && box.height > 0;
}
