package issuer

import (
	"errors"
	"html"
	"net/http"
	"strings"
)

// told is what a page says to the person in front of a browser.
type told struct{ Title, Text, Advice string }

var signedOut = told{
	"You are signed out",
	"The app can do nothing in your name any more.",
	"You can close this page.",
}

var trouble = told{
	"This did not work",
	"The server could not do what the app asked it for.",
	"Go back to the app and try again. Nothing was given away.",
}

// page shows a person what has happened, where there is nowhere safe to go back
// to: without script, pictures, or anything from elsewhere.
func (s *Server) page(w http.ResponseWriter, status int, err error) {
	t := trouble
	var f fault
	switch {
	case err == nil:
		t = signedOut
	case errors.As(err, &f):
		t = told{"You cannot sign in to this app here", f.description, "Go back to the app and start again. If it happens again, tell whoever makes the app. Nothing was given away."}
	}
	text := strings.NewReplacer(
		"{title}", html.EscapeString(t.Title), "{text}", html.EscapeString(t.Text), "{advice}", html.EscapeString(t.Advice),
	).Replace(pageHTML)
	guarded(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write([]byte(text)) // a browser that has gone needs no answer
}

// pageHTML is filled in with escaped texts. The packages of templates would make
// the binary 2 MB larger, for three of them.
const pageHTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root { color-scheme: light dark; --ink: #1d2b28; --soft: #52635f; --paper: #f6f4ef; --card: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #eef2f0; --soft: #a9b8b3; --paper: #121816; --card: #1b2421 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif }
main { max-width: 30rem; padding: 2rem; background: var(--card); border-radius: 1.25rem; box-shadow: 0 1px 2px #0002, 0 12px 32px #0001 }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.25; text-wrap: balance }
p { margin: 0 0 .75rem; text-wrap: pretty; overflow-wrap: anywhere }
p:last-child { margin: 0; color: var(--soft) }
</style>
<main>
<h1>{title}</h1>
<p>{text}</p>
<p>{advice}</p>
</main>
</html>
`
