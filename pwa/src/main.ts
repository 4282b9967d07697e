const app = document.querySelector("#app");
if (app === null) throw new Error("start: the page has no #app");
app.textContent = "Kith";
