import { install } from "./ui/install.ts";

const app = document.querySelector("#app");
if (app === null) throw new Error("start: the page has no #app");
app.textContent = "Kith";
await install();
